package io.vudo.spirit.internal.jvm;

import com.dylibso.chicory.compiler.internal.ClassLoadingCollector;
import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.runtime.Memory;
import java.util.Map;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;
import org.objectweb.asm.tree.AbstractInsnNode;
import org.objectweb.asm.tree.ClassNode;
import org.objectweb.asm.tree.MethodInsnNode;
import org.objectweb.asm.tree.MethodNode;
import org.objectweb.asm.tree.VarInsnNode;

/**
 * The classes of a guest as the library makes them, changed in two ways: {@link UnsignedComparison}
 * stands in the place of the library's own comparisons, and numeric globals are read and written in
 * the array of {@link GuestMemory}, without the library's objects in between. Loads each; not
 * thread-safe while classes are added.
 */
final class GuestClasses extends ClassLoadingCollector {
  private static final String COMPARISON = Type.getInternalName(UnsignedComparison.class);
  private static final String MEMORY = Type.getInternalName(GuestMemory.class);
  private static final String TWO_INTS = "(II)I";
  private static final String INSTANCE = Type.getDescriptor(Instance.class);
  private static final String READ = "(I" + INSTANCE + ")J";
  private static final String WRITE = "(JI" + INSTANCE + ")V";
  private static final String OWN_READ = "(I" + Type.getDescriptor(Memory.class) + ")J";
  private static final String OWN_WRITE = "(JI" + Type.getDescriptor(Memory.class) + ")V";

  private static final Map<String, String> COMPARISONS =
      Map.of(
          "I32_LT_U", "lessThan",
          "I32_LE_U", "lessOrEqual",
          "I32_GT_U", "greaterThan",
          "I32_GE_U", "greaterOrEqual",
          "i32_ge_u", "greaterOrEqual");

  @Override
  public void put(String className, byte[] bytes) {
    super.put(className, changed(bytes));
  }

  @Override
  public void putMainClass(String className, byte[] bytes) {
    super.putMainClass(className, changed(bytes));
  }

  /** What stands for an instruction is as long as it was: functions may be as long as can be. */
  private static byte[] changed(byte[] bytes) {
    ClassReader reader = new ClassReader(bytes);
    ClassNode node = new ClassNode();
    reader.accept(node, 0);
    for (MethodNode method : node.methods) {
      for (AbstractInsnNode instruction : method.instructions) {
        if (instruction instanceof MethodInsnNode call
            && call.getOpcode() == Opcodes.INVOKESTATIC) {
          if (call.desc.equals(TWO_INTS) && COMPARISONS.containsKey(call.name)) {
            call.owner = COMPARISON;
            call.name = COMPARISONS.get(call.name);
          } else if (call.name.equals("readGlobal") && call.desc.equals(READ)) {
            memoryInstead(call, "readGlobal", OWN_READ);
          } else if (call.name.equals("writeGlobal") && call.desc.equals(WRITE)) {
            memoryInstead(call, "writeGlobal", OWN_WRITE);
          }
        }
      }
    }
    ClassWriter writer = new ClassWriter(reader, 0);
    node.accept(writer);
    return writer.toByteArray();
  }

  /** The last argument is the instance; its memory is the parameter before it. */
  private static void memoryInstead(MethodInsnNode call, String name, String descriptor) {
    VarInsnNode last = (VarInsnNode) call.getPrevious();
    last.var--;
    call.owner = MEMORY;
    call.name = name;
    call.desc = descriptor;
  }
}
