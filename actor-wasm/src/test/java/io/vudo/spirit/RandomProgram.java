package io.vudo.spirit;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Programs that use everything that can differ between two engines: control flow of every kind,
 * traps, floating point down to the bits, calls through tables, memory and tables that grow,
 * segments that are dropped. They end, by their fuel if not otherwise.
 */
final class RandomProgram {
  private static final int FUNCTIONS = 7;
  private static final int MOST_NESTING = 4;
  private static final List<String> TYPES = List.of("i32", "i64", "f32", "f64");

  private record Signature(List<String> parameters, String result) {}

  private final Random random;
  private final List<Signature> signatures = new ArrayList<>();
  private final StringBuilder out = new StringBuilder();

  // The function that is being written
  private List<String> locals;
  private Signature signature;
  private int labels;
  private int budget;

  private RandomProgram(Random random) {
    this.random = random;
  }

  /** The text of a module; the same random numbers give the same one. */
  static String text(Random random) {
    return new RandomProgram(random).module();
  }

  private String module() {
    for (int i = 0; i < FUNCTIONS; i++) {
      List<String> parameters = new ArrayList<>();
      for (int j = random.nextInt(4); j > 0; j--) {
        parameters.add(type());
      }
      signatures.add(new Signature(parameters, random.nextInt(4) == 0 ? "" : type()));
    }
    out.append("(module (memory 1 3) (table $t 8 12 funcref) (table $u 4 funcref)\n");
    for (String type : TYPES) {
      out.append("(global $").append(type).append(" (mut ").append(type).append(") ");
      out.append(constant(type)).append(")\n");
    }
    out.append("(data $d \"the quick brown fox\") (data (i32.const 100) \"\\01\\02\\ff\\7f\")\n");
    out.append("(elem $e func $f0 $f1 $f2) (elem (table $t) (i32.const 1) func $f3 $f4 $f5)\n");
    for (int i = 0; i < FUNCTIONS; i++) {
      function(i);
    }
    return out.append(")").toString();
  }

  private void function(int index) {
    signature = signatures.get(index);
    locals = new ArrayList<>(signature.parameters());
    out.append("(func $f").append(index).append(" (export \"f").append(index).append("\")");
    signature.parameters().forEach(type -> out.append(" (param ").append(type).append(")"));
    if (!signature.result().isEmpty()) {
      out.append(" (result ").append(signature.result()).append(")");
    }
    for (String type : List.of("i32", "i64", "f32", "f64", "i32")) {
      out.append(" (local ").append(type).append(")");
      locals.add(type);
    }
    out.append("\n");
    budget = 60;
    labels = 0;
    for (int i = 2 + random.nextInt(5); i > 0; i--) {
      statement(0);
    }
    if (!signature.result().isEmpty()) {
      out.append("  ").append(expression(signature.result(), 0)).append("\n");
    }
    out.append(")\n");
  }

  private String type() {
    return TYPES.get(random.nextInt(TYPES.size()));
  }

  private String local(String type) {
    List<Integer> fitting = new ArrayList<>();
    for (int i = 0; i < locals.size(); i++) {
      if (locals.get(i).equals(type)) {
        fitting.add(i);
      }
    }
    return String.valueOf(fitting.get(random.nextInt(fitting.size())));
  }

  private String pick(String... choices) {
    return choices[random.nextInt(choices.length)];
  }

  private String i32(int depth) {
    return expression("i32", depth + 1);
  }

  private String small(int depth) {
    return "(i32.and " + i32(depth) + " (i32.const " + pick("3", "7", "255", "65535") + "))";
  }

  // Statements

  private void statement(int depth) {
    if (budget-- < 0) {
      return;
    }
    int kind = random.nextInt(depth < MOST_NESTING ? 22 : 12);
    String type = type();
    switch (kind) {
      case 0, 1, 2 -> line("(local.set " + local(type) + " " + expression(type, depth + 1) + ")");
      case 3, 4 -> line("(global.set $" + type + " " + expression(type, depth + 1) + ")");
      case 5, 6 -> store(type, depth);
      case 7 -> call(depth);
      case 8 -> bulk(depth);
      case 9 -> tables(depth);
      case 10 -> line("(drop (memory.grow " + small(depth) + "))");
      case 11 -> rare(depth);
      case 12, 13, 14 -> {
        line("(if " + i32(depth) + " (then");
        body(depth);
        if (random.nextBoolean()) {
          line(") (else");
          body(depth);
        }
        line("))");
      }
      case 15, 16, 17 -> loop(depth);
      case 18, 19 -> {
        String label = "$l" + labels++;
        line("(block " + label);
        body(depth);
        line("(br_if " + label + " " + i32(depth) + ")");
        body(depth);
        line(")");
      }
      default -> {
        String outer = "$l" + labels++;
        String inner = "$l" + labels++;
        line("(block " + outer + " (block " + inner);
        body(depth);
        line("(br_table " + inner + " " + outer + " " + inner + " " + small(depth) + ")");
        line(")");
        body(depth);
        line(")");
      }
    }
  }

  private void line(String text) {
    out.append("  ").append(text).append("\n");
  }

  private void body(int depth) {
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      statement(depth + 1);
    }
  }

  private void loop(int depth) {
    String label = "$l" + labels++;
    String counter = local("i32");
    line("(local.set " + counter + " (i32.const " + random.nextInt(20) + "))");
    line("(loop " + label);
    body(depth);
    line(
        "(br_if "
            + label
            + " (i32.gt_s (local.tee "
            + counter
            + " (i32.sub (local.get "
            + counter
            + ") (i32.const 1))) (i32.const 0))))");
  }

  private void store(String type, int depth) {
    String instruction =
        switch (type) {
          case "i32" -> pick("i32.store", "i32.store8", "i32.store16");
          case "i64" -> pick("i64.store", "i64.store8", "i64.store16", "i64.store32");
          default -> type + ".store";
        };
    String address = random.nextInt(12) == 0 ? i32(depth) : small(depth);
    line("(" + instruction + offset() + address + " " + expression(type, depth + 1) + ")");
  }

  private String offset() {
    return random.nextInt(10) == 0 ? " offset=" + pick("65530", "4294967290", "7") + " " : " ";
  }

  private void call(int depth) {
    int callee = random.nextInt(FUNCTIONS);
    String call = call(callee, depth);
    line(signatures.get(callee).result().isEmpty() ? call : "(drop " + call + ")");
  }

  private String call(int callee, int depth) {
    StringBuilder call = new StringBuilder();
    Signature called = signatures.get(callee);
    boolean indirect = random.nextInt(3) == 0;
    call.append(indirect ? "(call_indirect $t" : "(call $f" + callee);
    if (indirect) {
      called.parameters().forEach(type -> call.append(" (param ").append(type).append(")"));
      if (!called.result().isEmpty()) {
        call.append(" (result ").append(called.result()).append(")");
      }
    }
    called.parameters().forEach(type -> call.append(" ").append(expression(type, depth + 2)));
    if (indirect) {
      call.append(" ").append(small(depth));
    }
    return call.append(")").toString();
  }

  private void bulk(int depth) {
    String ranges = small(depth) + " " + small(depth) + " " + small(depth) + ")";
    switch (random.nextInt(4)) {
      case 0 -> line("(memory.fill " + ranges);
      case 1 -> line("(memory.copy " + ranges);
      case 2 -> line("(memory.init $d " + small(depth) + " (i32.const 3) (i32.const 5))");
      default -> line(random.nextInt(4) == 0 ? "(data.drop $d)" : "(memory.copy " + ranges);
    }
  }

  private void tables(int depth) {
    String function = "(ref.func $f" + random.nextInt(6) + ")";
    switch (random.nextInt(6)) {
      case 0 ->
          line("(table.set $t " + small(depth) + " " + pick(function, "(ref.null func)") + ")");
      case 1 -> line("(drop (table.grow $t " + function + " (i32.const 1)))");
      case 2 ->
          line(
              "(table.copy $u $t (i32.const 0) (i32.const "
                  + random.nextInt(6)
                  + ") (i32.const 3))");
      case 3 -> line("(table.init $t $e (i32.const 2) (i32.const 0) (i32.const 3))");
      case 4 -> line("(table.fill $u (i32.const 1) " + function + " (i32.const 2))");
      default ->
          line(
              random.nextInt(4) == 0
                  ? "(elem.drop $e)"
                  : "(table.set $u (i32.const 2)" + " (table.get $t (i32.const 3)))");
    }
  }

  private void rare(int depth) {
    switch (random.nextInt(6)) {
      case 0 -> line("(if " + i32(depth) + " (then (unreachable)))");
      case 1 ->
          line(
              "(if "
                  + i32(depth)
                  + " (then (return "
                  + (signature.result().isEmpty() ? "" : expression(signature.result(), 9))
                  + ")))");
      default -> line("(nop)");
    }
  }

  // Expressions

  private String expression(String type, int depth) {
    if (depth > 5 || budget-- < 0) {
      return random.nextBoolean() ? constant(type) : "(local.get " + local(type) + ")";
    }
    int kind = random.nextInt(14);
    if (kind < 2) {
      return constant(type);
    }
    if (kind < 4) {
      return "(local.get " + local(type) + ")";
    }
    if (kind == 4) {
      return "(global.get $" + type + ")";
    }
    if (kind == 5) {
      return load(type, depth);
    }
    if (kind == 6) {
      return "(select "
          + expression(type, depth + 1)
          + " "
          + expression(type, depth + 1)
          + " "
          + i32(depth)
          + ")";
    }
    if (kind == 7) {
      return "(if (result "
          + type
          + ") "
          + i32(depth)
          + " (then "
          + expression(type, depth + 1)
          + ") (else "
          + expression(type, depth + 1)
          + "))";
    }
    if (kind == 8) {
      for (int i = 0; i < FUNCTIONS; i++) {
        int callee = random.nextInt(FUNCTIONS);
        if (signatures.get(callee).result().equals(type)) {
          return call(callee, depth);
        }
      }
    }
    return operation(type, depth);
  }

  private String load(String type, int depth) {
    String instruction =
        switch (type) {
          case "i32" -> pick("i32.load", "i32.load8_s", "i32.load8_u", "i32.load16_u");
          case "i64" -> pick("i64.load", "i64.load8_u", "i64.load16_s", "i64.load32_u");
          default -> type + ".load";
        };
    return "(" + instruction + offset() + small(depth) + ")";
  }

  private String unary(String instruction, String operand, int depth) {
    return "(" + instruction + " " + expression(operand, depth + 1) + ")";
  }

  private String binary(String instruction, String operand, int depth) {
    return "("
        + instruction
        + " "
        + expression(operand, depth + 1)
        + " "
        + expression(operand, depth + 1)
        + ")";
  }

  private String operation(String type, int depth) {
    boolean integer = type.startsWith("i");
    if (integer) {
      String other = type.equals("i32") ? "i64" : "i32";
      String twin = type.equals("i32") ? "f32" : "f64";
      return switch (random.nextInt(12)) {
        case 0 -> unary(type + "." + pick("clz", "ctz", "popcnt", "extend8_s"), type, depth);
        case 1 -> binary(type + "." + pick("div_s", "div_u", "rem_s", "rem_u"), type, depth);
        case 2 -> unary(type + ".reinterpret_" + twin, twin, depth);
        case 3 -> unary(type + ".trunc_sat_" + pick("f32_s", "f32_u"), "f32", depth);
        case 4 -> unary(type + "." + pick("trunc_f64_s", "trunc_f64_u"), "f64", depth);
        case 5 ->
            unary(
                type.equals("i32") ? "i32.wrap_i64" : "i64.extend_i32_" + pick("s", "u"),
                other,
                depth);
        case 6 -> {
          String compared = type();
          String comparison =
              compared.startsWith("i") ? pick("lt_s", "ge_u", "eq") : pick("lt", "ge", "ne");
          String result = binary(compared + "." + comparison, compared, depth);
          yield type.equals("i32") ? result : "(i64.extend_i32_u " + result + ")";
        }
        case 7 ->
            type.equals("i32")
                ? pick(
                    "(memory.size)",
                    "(table.size $t)",
                    "(ref.is_null (table.get $t " + small(depth) + "))")
                : unary("i64.eqz (i64.extend_i32_u", "i32", depth).replace("i64.eqz", "i64.clz")
                    + ")";
        default ->
            binary(
                type + "." + pick("add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "rotl"),
                type,
                depth);
      };
    }
    String twin = type.equals("f32") ? "i32" : "i64";
    return switch (random.nextInt(9)) {
      case 0 -> unary(type + "." + pick("sqrt", "ceil", "floor", "trunc", "nearest"), type, depth);
      case 1 -> unary(type + "." + pick("neg", "abs"), type, depth);
      case 2 -> binary(type + ".copysign", type, depth);
      case 3 -> unary(type + ".reinterpret_" + twin, twin, depth);
      case 4 -> unary(type + ".convert_" + pick("i32_s", "i32_u"), "i32", depth);
      case 5 ->
          type.equals("f32")
              ? unary("f32.demote_f64", "f64", depth)
              : unary("f64.promote_f32", "f32", depth);
      default -> binary(type + "." + pick("add", "sub", "mul", "div", "min", "max"), type, depth);
    };
  }

  private String constant(String type) {
    return switch (type) {
      case "i32" -> "(i32.const " + pick("0", "1", "-1", "7", "65535", "-2147483648") + ")";
      case "i64" ->
          "(i64.const " + pick("0", "1", "-1", "4294967296", "-9223372036854775808") + ")";
      default ->
          "("
              + type
              + ".const "
              + pick("0", "-0", "1.5", "-3e10", "inf", "nan", "-nan", "nan:0x200001", "1e-40")
              + ")";
    };
  }
}
