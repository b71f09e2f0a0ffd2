package io.vudo.node.internal;

import com.typesafe.config.Config;
import io.vudo.node.NodeSettings;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.ProcessName;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Supervision;
import io.vudo.spirit.SwapCheck;
import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A directory whose modules are deployed as they are there: {@code foo/bar2.0.wasm} is the Spirit
 * type {@code scripts.foo.bar2_0}. It is looked at when something in it changes and every {@code
 * vudo.scripts.look-every} beside, by one thread. A file that changes is swapped in; of one that
 * goes the type stays, with its Spirits, but does not answer by name.
 */
final class ScriptDirectory implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ScriptDirectory.class);

  /** What the types of all scripts begin with. */
  static final String PREFIX = "scripts.";

  private static final int MAX_DEPTH = 8;
  private static final String WASM = ".wasm";
  private static final String JS = ".js";

  /** What was written so lately may be written on. */
  private static final Duration UNSETTLED = Duration.ofMillis(200);

  private final Path directory;
  private final Duration lookEvery;
  private final Duration patience;
  private final long maxModuleBytes;
  private final DeploymentRequest template;
  private final Deployer deployer;
  private final Swapper swapper;
  private final Deployments deployments;
  private final ProcessMeters meters;
  private final Thread thread;

  /** Only the looking thread touches it. */
  private final Set<Path> watched = new HashSet<>();

  private WatchService watches;
  private boolean unreadable;

  /** What could not be read at the last look, as far as it was told; by one thread at a time. */
  private final Set<Path> troubles = new HashSet<>();

  /** Whether the directory could be read once: before, nobody knows what is not in it. */
  private volatile boolean looked;

  /** By type in lower case; replaced as a whole. */
  private volatile Map<String, Script> scripts = Map.of();

  private volatile boolean closed;

  /**
   * One script.
   *
   * @param type of its Spirits
   * @param file its file
   * @param stamp what the file looked like when it was taken, or refused
   * @param serves whether it answers calls
   * @param problem why the file, as it is now, was not taken
   */
  record Script(String type, Path file, Stamp stamp, boolean serves, Optional<VudoError> problem) {}

  /** What tells one content of a file from another. */
  private record Stamp(long bytes, FileTime modified, Object key) {}

  private record Found(String type, Path file, Stamp stamp) {}

  /**
   * What is in the directory, and below.
   *
   * @param unread what could not be read, itself or what is below it
   */
  private record Tree(List<Path> directories, List<Path> files, List<Path> unread) {}

  private ScriptDirectory(
      NodeSettings settings,
      Deployer deployer,
      Swapper swapper,
      Deployments deployments,
      ProcessMeters meters) {
    Config vudo = settings.config().getConfig("vudo");
    this.directory = Path.of(vudo.getString("scripts.directory")).toAbsolutePath().normalize();
    this.lookEvery = vudo.getDuration("scripts.look-every");
    this.patience = vudo.getDuration("http.deploy-timeout");
    this.maxModuleBytes = vudo.getBytes("limits.max-module-bytes");
    this.template =
        new DeploymentRequest(
            "scripts.x",
            vudo.getString("node.engine"),
            settings.defaultLimits(),
            vudo.getStringList("scripts.grants").stream()
                .map(Capability::parse)
                .collect(Collectors.toUnmodifiableSet()),
            true,
            Supervision.DEFAULT,
            false);
    this.deployer = deployer;
    this.swapper = swapper;
    this.deployments = deployments;
    this.meters = meters;
    this.thread = new Thread(this::watch, "vudo-scripts");
    thread.setDaemon(true);
  }

  /**
   * Deploys what is there, and follows what changes from then on. Empty without a directory.
   *
   * @throws VudoException {@code CONFIG_INVALID} when it is none
   */
  static Optional<ScriptDirectory> start(
      NodeSettings settings,
      Deployer deployer,
      Swapper swapper,
      Deployments deployments,
      ProcessMeters meters) {
    if (settings.config().getString("vudo.scripts.directory").isEmpty()) {
      return Optional.empty();
    }
    ScriptDirectory scripts = new ScriptDirectory(settings, deployer, swapper, deployments, meters);
    if (!Files.isDirectory(scripts.directory)) {
      throw new VudoException(
          ErrorCode.CONFIG_INVALID,
          "vudo.scripts.directory, " + scripts.directory + ", is no directory.");
    }
    scripts.look();
    scripts.thread.start();
    return Optional.of(scripts);
  }

  /** All scripts, by type. */
  List<Script> list() {
    return new TreeMap<>(scripts).values().stream().toList();
  }

  /** Why a Spirit type does not answer by name; empty when it does, or is no script. */
  Optional<VudoException> refusal(String typeKey) {
    if (!typeKey.startsWith(PREFIX)) {
      return Optional.empty();
    }
    Script script = scripts.get(typeKey);
    if (script == null) {
      if (!looked) {
        return Optional.empty();
      }
      return deployments.all().stream().anyMatch(one -> typeKey.equals(ProcessName.key(one.type())))
          ? Optional.of(
              new VudoException(
                  ErrorCode.SCRIPT_UNAVAILABLE,
                  "There is no file for " + typeKey + " in " + directory + " any more."))
          : Optional.empty();
    }
    return script.serves()
        ? Optional.empty()
        : Optional.of(
            new VudoException(
                ErrorCode.SCRIPT_UNAVAILABLE,
                script.file()
                    + ": "
                    + script.problem().map(VudoError::toString).orElse("not deployed")));
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      thread.join(TimeUnit.SECONDS.toMillis(5));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void watch() {
    try (WatchService service = directory.getFileSystem().newWatchService()) {
      watches = service;
      while (!closed) {
        watchAll();
        WatchKey key = service.poll(pause().toMillis(), TimeUnit.MILLISECONDS);
        while (key != null) {
          key.pollEvents();
          if (!key.reset()) {
            watched.remove((Path) key.watchable());
          }
          key = service.poll();
        }
        look();
      }
    } catch (InterruptedException | ClosedWatchServiceException e) {
      log.debug("No longer watching {}", directory);
    } catch (IOException | RuntimeException e) {
      if (!closed) {
        log.error("Scripts in {} are not watched any more; restart the node", directory, e);
      }
    }
  }

  private Duration pause() {
    boolean settling = scripts.values().stream().anyMatch(one -> one.stamp() == null);
    return settling && UNSETTLED.compareTo(lookEvery) < 0 ? UNSETTLED : lookEvery;
  }

  private void watchAll() {
    try {
      for (Path path : walk().directories()) {
        if (!watched.contains(path)) {
          path.register(
              watches,
              StandardWatchEventKinds.ENTRY_CREATE,
              StandardWatchEventKinds.ENTRY_MODIFY,
              StandardWatchEventKinds.ENTRY_DELETE);
          watched.add(path);
        }
      }
    } catch (IOException e) {
      // The periodic look finds what changes all the same.
      log.debug("Not all of {} can be watched", directory, e);
    }
  }

  /**
   * What there is. What begins with a dot is left out, with all that is below it. What cannot be
   * read keeps nobody from the rest.
   *
   * @throws IOException when the directory itself cannot be read
   */
  private Tree walk() throws IOException {
    Tree tree = new Tree(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    Files.walkFileTree(
        directory,
        EnumSet.of(FileVisitOption.FOLLOW_LINKS),
        MAX_DEPTH,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes attributes) {
            if (isHidden(path)) {
              return FileVisitResult.SKIP_SUBTREE;
            }
            tree.directories().add(path);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path path, BasicFileAttributes attributes) {
            if (attributes.isRegularFile() && !isHidden(path)) {
              tree.files().add(path);
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path path, IOException failure)
              throws IOException {
            return unread(path, failure);
          }

          @Override
          public FileVisitResult postVisitDirectory(Path path, IOException failure)
              throws IOException {
            return failure == null ? FileVisitResult.CONTINUE : unread(path, failure);
          }

          private FileVisitResult unread(Path path, IOException failure) throws IOException {
            if (path.equals(directory)) {
              throw failure;
            }
            if (!isHidden(path)) {
              tree.unread().add(path);
              if (troubles.add(path)) {
                log.warn("{} is left out: {}", path, failure.toString());
              }
            }
            return FileVisitResult.CONTINUE;
          }
        });
    troubles.retainAll(tree.unread());
    return tree;
  }

  /** The directory's own name may begin with a dot. */
  private boolean isHidden(Path path) {
    return !path.equals(directory) && path.getFileName().toString().startsWith(".");
  }

  /** Takes over what has changed since the last look. */
  private void look() {
    Map<String, Script> next = new HashMap<>();
    Tree tree;
    try {
      tree = walk();
      unreadable = false;
    } catch (IOException e) {
      // Rather as it was than all scripts gone, when a disk is away for a while.
      if (!unreadable) {
        log.error("The scripts in {} cannot be read; those that were there stay", directory, e);
        unreadable = true;
      }
      return;
    }
    List<Found> found = find(tree, next);
    Map<String, Script> before = scripts;
    for (Found one : found) {
      String key = ProcessName.key(one.type());
      Script known = before.get(key);
      boolean same =
          known != null && known.file().equals(one.file()) && one.stamp().equals(known.stamp());
      next.put(key, same ? known : take(one, Optional.ofNullable(known)));
      if (closed) {
        return;
      }
    }
    before.forEach(
        (key, script) -> {
          // Nobody knows whether it is gone.
          if (tree.unread().stream().anyMatch(script.file()::startsWith)) {
            next.putIfAbsent(key, script);
          }
        });
    before.forEach(
        (key, gone) -> {
          if (!next.containsKey(key)) {
            log.info("{} is gone; {} answers no calls by name", gone.file(), gone.type());
          }
        });
    tellProblems(before, next);
    scripts = Map.copyOf(next);
    looked = true;
  }

  private void tellProblems(Map<String, Script> before, Map<String, Script> now) {
    now.forEach(
        (key, script) -> {
          Optional<VudoError> known = Optional.ofNullable(before.get(key)).flatMap(Script::problem);
          script
              .problem()
              .filter(problem -> !known.equals(Optional.of(problem)))
              .ifPresent(
                  problem -> {
                    meters.scriptFailed();
                    log.error(
                        "{} was not taken as {}{}: {}",
                        script.file(),
                        script.type(),
                        script.serves() ? ", which goes on as it was" : "",
                        problem);
                  });
        });
  }

  /**
   * The modules, one for each type.
   *
   * @param refused gets what has a name that cannot be, or is no module
   */
  private List<Found> find(Tree tree, Map<String, Script> refused) {
    Map<String, Found> modules = new TreeMap<>();
    Map<String, Path> sources = new TreeMap<>();
    for (Path file : tree.files().stream().sorted().toList()) {
      String name = file.getFileName().toString();
      if (name.endsWith(WASM)) {
        String type = type(file, WASM);
        Optional<VudoError> wrong = wrongType(type);
        Found twin = modules.get(ProcessName.key(type));
        if (wrong.isPresent()) {
          refused.put(ProcessName.key(type), refused(type, file, wrong.get()));
        } else if (twin != null) {
          log.error("{} is left out: {} is {} already", file, twin.file(), type);
        } else {
          stamp(file)
              .ifPresent(at -> modules.put(ProcessName.key(type), new Found(type, file, at)));
        }
      } else if (name.endsWith(JS)) {
        sources.put(type(file, JS), file);
      }
    }
    sources.forEach(
        (type, file) -> {
          String key = ProcessName.key(type);
          if (!modules.containsKey(key) && !refused.containsKey(key)) {
            refused.put(
                key,
                refused(
                    type,
                    file,
                    new VudoError(
                        ErrorCode.SCRIPT_UNAVAILABLE,
                        "JavaScript runs as a module: compile it, for example with Javy, to "
                            + file.getFileName().toString().replaceAll("\\.js$", WASM)
                            + " beside it.")));
          }
        });
    return new ArrayList<>(modules.values());
  }

  private static Script refused(String type, Path file, VudoError why) {
    return new Script(
        type, file, new Stamp(0, FileTime.fromMillis(0), ""), false, Optional.of(why));
  }

  private static Optional<Stamp> stamp(Path file) {
    try {
      BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
      return Optional.of(
          new Stamp(now.size(), now.lastModifiedTime(), String.valueOf(now.fileKey())));
    } catch (IOException e) {
      // It went between the listing and now.
      return Optional.empty();
    }
  }

  /** {@code foo/bar2.0.wasm} is {@code scripts.foo.bar2_0}. */
  private String type(Path file, String extension) {
    String relative = directory.relativize(file).toString();
    String bare = relative.substring(0, relative.length() - extension.length());
    return PREFIX
        + Stream.of(bare.split("[/\\\\]"))
            .map(part -> part.replaceAll("[^A-Za-z0-9_-]", "_"))
            .collect(Collectors.joining("."));
  }

  private static Optional<VudoError> wrongType(String type) {
    try {
      SpiritId.checkDeployable(type);
      return Optional.empty();
    } catch (VudoException e) {
      return Optional.of(e.toError());
    }
  }

  /** Deploys or swaps what a file holds now. */
  private Script take(Found found, Optional<Script> known) {
    boolean served = known.map(Script::serves).orElse(false);
    if (System.currentTimeMillis() - found.stamp().modified().toMillis() < UNSETTLED.toMillis()
        && thread.isAlive()) {
      return new Script(
          found.type(),
          known.map(Script::file).orElse(found.file()),
          null,
          served,
          known.flatMap(Script::problem));
    }
    try {
      if (found.stamp().bytes() > maxModuleBytes) {
        throw new VudoException(
            ErrorCode.MODULE_TOO_LARGE,
            "It has " + found.stamp().bytes() + " bytes; the limit is " + maxModuleBytes + ".");
      }
      byte[] module = Files.readAllBytes(found.file());
      Optional<VudoError> problem = bring(found.type(), module);
      return new Script(found.type(), found.file(), found.stamp(), true, problem);
    } catch (IOException e) {
      // Perhaps it is on its way: the next look tries again.
      return new Script(
          found.type(),
          found.file(),
          null,
          served,
          Optional.of(new VudoError(ErrorCode.SCRIPT_UNAVAILABLE, e.toString())));
    } catch (VudoException e) {
      boolean again = e.code() == ErrorCode.JOURNAL_UNAVAILABLE;
      return new Script(
          found.type(),
          found.file(),
          again ? null : found.stamp(),
          served,
          Optional.of(e.toError()));
    }
  }

  /** Makes it what runs; answers why some Spirits stay on what they have. */
  private Optional<VudoError> bring(String type, byte[] module) {
    ModuleDigest digest = ModuleDigest.of(module);
    Optional<Deployment> now = deployments.find(type);
    DeploymentRequest request =
        new DeploymentRequest(
            type,
            template.engine(),
            template.limits(),
            template.capabilities(),
            template.durable(),
            template.supervision(),
            template.remembered());
    boolean swaps = now.isPresent() && !now.get().digest().equals(digest);
    if (!swaps) {
      Deployments.Outcome done = await(deployer.deploy(request, module));
      if (done.changed()) {
        log.info("{} is deployed as {}", digest, type);
      }
      meters.scriptLoaded();
      return Optional.empty();
    }
    Swapper.Outcome outcome =
        await(swapper.swap(new Swapper.Request(type, 0, 1, true, false, patience), module));
    log.info("{} is swapped in as {}", digest, type);
    List<SwapCheck.CheckedSpirit> refused = outcome.check().refused();
    if (refused.isEmpty()) {
      meters.scriptReplaced();
    }
    return refused.stream()
        .findFirst()
        .flatMap(
            one ->
                one.error()
                    .map(
                        why ->
                            new VudoError(
                                why.code(), one.id() + " stays on its module. " + why.detail())));
  }

  private <T> T await(CompletionStage<T> stage) {
    try {
      return stage.toCompletableFuture().get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw Failures.typed(e);
    } catch (TimeoutException e) {
      throw new VudoException(ErrorCode.JOURNAL_UNAVAILABLE, "It took too long.", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new VudoException(ErrorCode.JOURNAL_UNAVAILABLE, "The node is stopping.", e);
    }
  }
}
