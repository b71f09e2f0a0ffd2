package io.vudo.spirit.internal.ghost;

import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostJson;
import io.vudo.ghost.GhostValue;
import io.vudo.ghost.Step;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.GhostBegun;
import io.vudo.protocol.journal.v1.GhostEvent;
import io.vudo.protocol.journal.v1.GhostMember;
import io.vudo.protocol.journal.v1.GhostOver;
import io.vudo.protocol.journal.v1.GhostStepEnded;
import io.vudo.protocol.journal.v1.GhostStepStarted;
import io.vudo.spirit.GhostRunStatus;
import io.vudo.spirit.GhostRunStatus.State;
import io.vudo.spirit.GhostRunStatus.StepStatus;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * All that is known of a run: its events, merged. Follows from them alone, so that it is the same
 * after each recovery. Confined to the run's actor, or to who was answered.
 */
final class Run {
  private static final int MAX_DETAIL_CHARS = 1_000;

  private GhostEvent all = GhostEvent.getDefaultInstance();
  private Ghost ghost;
  private final Map<String, SpiritId> members = new HashMap<>();
  private final Map<String, GhostStepStarted> started = new LinkedHashMap<>();
  private final Map<String, GhostStepEnded> ended = new LinkedHashMap<>();
  private final Map<String, GhostValue> values = new HashMap<>();
  private long resultBytes;

  /** Of what a node answered. */
  static Run of(GhostEvent event) {
    Run run = new Run();
    run.apply(event);
    return run;
  }

  void apply(GhostEvent event) {
    if (event.getForgotten()) {
      all = GhostEvent.getDefaultInstance();
      ghost = null;
      members.clear();
      started.clear();
      ended.clear();
      values.clear();
      resultBytes = 0;
      return;
    }
    all = all.toBuilder().mergeFrom(event).build();
    if (event.hasBegun()) {
      begin(event.getBegun());
    }
    event.getStartedList().forEach(step -> started.put(step.getStep(), step));
    event.getEndedList().forEach(this::end);
  }

  private void begin(GhostBegun begun) {
    ghost = GhostJson.read(begun.getDeclaration());
    begun
        .getMembersList()
        .forEach(member -> members.put(member.getName(), SpiritId.parse(member.getSpirit())));
    inputs(ghost, begun.getInputs())
        .forEach((name, value) -> values.put(name, GhostValue.of(value)));
  }

  private static Map<String, Object> inputs(Ghost ghost, String json) {
    return GhostJson.readInputs(ghost, GhostJson.tree(json));
  }

  private void end(GhostStepEnded step) {
    ended.put(step.getStep(), step);
    if (step.getCode().isEmpty()) {
      byte[] reply = step.hasReply() ? step.getReply().toByteArray() : null;
      values.put(step.getStep(), GhostValue.ofReply(step(step.getStep()).result(), reply));
      resultBytes += step.getReply().size();
    }
  }

  // What it is

  boolean hasBegun() {
    return all.hasBegun();
  }

  boolean isOver() {
    return all.hasOver();
  }

  /** All events in one. */
  GhostEvent toProto() {
    return all;
  }

  Ghost ghost() {
    return ghost;
  }

  GhostOver over() {
    return all.getOver();
  }

  /** Whether it is the same that was begun. */
  boolean isSame(GhostBegun other) {
    GhostBegun begun = all.getBegun();
    Map<String, String> others = new TreeMap<>();
    other.getMembersList().forEach(member -> others.put(member.getName(), member.getSpirit()));
    Map<String, String> own = new TreeMap<>();
    begun.getMembersList().forEach(member -> own.put(member.getName(), member.getSpirit()));
    return own.equals(others)
        && ghost.equals(GhostJson.read(other.getDeclaration()))
        && GhostJson.tree(begun.getInputs()).equals(GhostJson.tree(other.getInputs()));
  }

  Step step(String name) {
    return ghost.steps().stream()
        .filter(step -> step.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  SpiritId spirit(Step step) {
    return members.get(step.member());
  }

  /** Under which all messages of a step are one; no other run has it. */
  String key(String run, Step step) {
    return "ghost:" + run + ":" + step.name() + ":" + all.getBegun().getNonce();
  }

  long begunMillis() {
    return all.getBegun().getTimeMillis();
  }

  long deadlineMillis() {
    return all.getBegun().getTimeMillis() + ghost.timeout().toMillis();
  }

  long startedMillis(Step step) {
    return started.get(step.name()).getTimeMillis();
  }

  /** When a step that was started has to be done. */
  long deadlineMillis(Step step) {
    return step.timeout()
        .map(time -> Math.min(deadlineMillis(), startedMillis(step) + time.toMillis()))
        .orElse(deadlineMillis());
  }

  long resultBytes() {
    return resultBytes;
  }

  boolean isRunning(String step) {
    return started.containsKey(step) && !ended.containsKey(step);
  }

  List<Step> running() {
    return hasBegun() && !isOver()
        ? ghost.steps().stream().filter(step -> isRunning(step.name())).toList()
        : List.of();
  }

  /**
   * What a step passes.
   *
   * @throws VudoException {@code GHOST_MISMATCH}
   */
  byte[] payload(Step step) {
    List<GhostValue> arguments = new ArrayList<>();
    for (Step.Argument argument : step.arguments()) {
      arguments.add(
          argument instanceof Step.From from
              ? values.get(from.name())
              : GhostValue.of(((Step.Constant) argument).value()));
    }
    return GhostValue.payload(arguments);
  }

  // What comes next

  /** What begins it. */
  static GhostEvent begun(GhostBegun begun) {
    GhostEvent.Builder event = GhostEvent.newBuilder().setBegun(begun);
    return of(event.build()).next(event, Map.of(), begun.getTimeMillis());
  }

  /** What a step that has ended leads to. */
  GhostEvent ended(GhostStepEnded step, long nowMillis) {
    Map<String, GhostStepEnded> then = new LinkedHashMap<>(ended);
    then.put(step.getStep(), step);
    return next(GhostEvent.newBuilder().addEnded(step), then, nowMillis);
  }

  /**
   * The event, and with it the steps that can begin now, or the end.
   *
   * @param then the steps that have ended by it, in that order
   */
  private GhostEvent next(
      GhostEvent.Builder event, Map<String, GhostStepEnded> then, long nowMillis) {
    Optional<GhostStepEnded> failed =
        then.values().stream().filter(step -> !step.getCode().isEmpty()).findFirst();
    if (failed.isEmpty() && nowMillis < deadlineMillis()) {
      for (Step step : ghost.steps()) {
        if (!started.containsKey(step.name()) && then.keySet().containsAll(ghost.before(step))) {
          event.addStarted(
              GhostStepStarted.newBuilder().setStep(step.name()).setTimeMillis(nowMillis));
        }
      }
    }
    if (event.getStartedCount() == 0 && then.keySet().containsAll(started.keySet())) {
      event.setOver(
          failed.map(this::over).orElseGet(() -> over(then.keySet())).setTimeMillis(nowMillis));
    }
    return event.build();
  }

  /** The end by a step that failed. */
  private GhostOver.Builder over(GhostStepEnded failed) {
    Step step = step(failed.getStep());
    boolean late =
        failed.getCode().equals(ErrorCode.ASK_TIMEOUT.name())
            && failed.getTimeMillis() >= deadlineMillis();
    return late
        ? GhostOver.newBuilder()
            .setCode(ErrorCode.GHOST_TIMEOUT.name())
            .setDetail(late(step, "ran"))
        : GhostOver.newBuilder()
            .setCode(failed.getCode())
            .setDetail("Ghost " + ghost.name() + ", " + step + ": " + failed.getDetail());
  }

  /** The end without any: all are done, or the time is over. */
  private GhostOver.Builder over(Set<String> done) {
    GhostOver.Builder over = GhostOver.newBuilder();
    ghost.steps().stream()
        .filter(step -> !done.contains(step.name()))
        .findFirst()
        .ifPresent(
            step ->
                over.setCode(ErrorCode.GHOST_TIMEOUT.name())
                    .setDetail(late(step, "would have begun")));
    return over;
  }

  private String late(Step step, String what) {
    return "Ghost "
        + ghost.name()
        + ": its "
        + ghost.timeout().toMillis()
        + " ms were over when "
        + step
        + " "
        + what
        + ".";
  }

  static GhostStepEnded failed(String step, VudoError error, long nowMillis) {
    String detail = error.detail();
    return GhostStepEnded.newBuilder()
        .setStep(step)
        .setCode(error.code().name())
        .setDetail(
            detail.length() > MAX_DETAIL_CHARS
                ? detail.substring(0, MAX_DETAIL_CHARS) + "…"
                : detail)
        .setTimeMillis(nowMillis)
        .build();
  }

  // What is told of it

  GhostRunStatus status(String run) {
    List<StepStatus> steps = ghost.steps().stream().map(this::status).toList();
    return new GhostRunStatus(
        run,
        ghost,
        Instant.ofEpochMilli(all.getBegun().getTimeMillis()),
        isOver() ? Optional.of(Instant.ofEpochMilli(over().getTimeMillis())) : Optional.empty(),
        error(over().getCode(), over().getDetail()),
        steps);
  }

  private StepStatus status(Step step) {
    GhostStepStarted begin = started.get(step.name());
    GhostStepEnded end = ended.get(step.name());
    State state =
        end != null
            ? end.getCode().isEmpty() ? State.DONE : State.FAILED
            : begin != null ? State.RUNNING : isOver() ? State.SKIPPED : State.WAITING;
    return new StepStatus(
        step,
        spirit(step),
        state,
        Optional.ofNullable(begin).map(it -> Instant.ofEpochMilli(it.getTimeMillis())),
        Optional.ofNullable(end).map(it -> Instant.ofEpochMilli(it.getTimeMillis())),
        Optional.ofNullable(values.get(step.name())),
        end == null ? Optional.empty() : error(end.getCode(), end.getDetail()));
  }

  private static Optional<VudoError> error(String code, String detail) {
    return code.isEmpty()
        ? Optional.empty()
        : Optional.of(new VudoError(ErrorCode.of(code), detail));
  }

  /** The members of a run, in the order of their names. */
  static List<GhostMember> members(Map<String, SpiritId> members) {
    return new TreeMap<>(members)
        .entrySet().stream()
            .map(
                member ->
                    GhostMember.newBuilder()
                        .setName(member.getKey())
                        .setSpirit(member.getValue().toString())
                        .build())
            .toList();
  }
}
