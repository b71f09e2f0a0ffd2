package io.vudo.spirit.internal.jvm;

import static org.objectweb.asm.Opcodes.ALOAD;
import static org.objectweb.asm.Opcodes.CHECKCAST;
import static org.objectweb.asm.Opcodes.DUP_X2;
import static org.objectweb.asm.Opcodes.GETFIELD;
import static org.objectweb.asm.Opcodes.INVOKESTATIC;
import static org.objectweb.asm.Opcodes.LALOAD;
import static org.objectweb.asm.Opcodes.LASTORE;
import static org.objectweb.asm.Opcodes.POP;

import com.dylibso.chicory.compiler.internal.ClassLoadingCollector;
import com.dylibso.chicory.runtime.Instance;
import java.util.Map;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Type;
import org.objectweb.asm.tree.AbstractInsnNode;
import org.objectweb.asm.tree.ClassNode;
import org.objectweb.asm.tree.FieldInsnNode;
import org.objectweb.asm.tree.InsnList;
import org.objectweb.asm.tree.InsnNode;
import org.objectweb.asm.tree.MethodInsnNode;
import org.objectweb.asm.tree.MethodNode;
import org.objectweb.asm.tree.TypeInsnNode;
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

  private static byte[] changed(byte[] bytes) {
    ClassNode node = new ClassNode();
    new ClassReader(bytes).accept(node, 0);
    for (MethodNode method : node.methods) {
      // A copy, because instructions are replaced on the way.
      for (AbstractInsnNode instruction : method.instructions.toArray()) {
        if (instruction instanceof MethodInsnNode call && call.getOpcode() == INVOKESTATIC) {
          if (call.desc.equals(TWO_INTS) && COMPARISONS.containsKey(call.name)) {
            call.owner = COMPARISON;
            call.name = COMPARISONS.get(call.name);
          } else if (call.name.equals("readGlobal") && call.desc.equals(READ)) {
            readGlobal(method.instructions, call);
          } else if (call.name.equals("writeGlobal") && call.desc.equals(WRITE)) {
            writeGlobal(method.instructions, call);
          }
        }
      }
    }
    ClassWriter writer = new ClassWriter(ClassWriter.COMPUTE_MAXS);
    node.accept(writer);
    return writer.toByteArray();
  }

  /** The library pushes the index and the instance, whose memory is the parameter before it. */
  private static void readGlobal(InsnList code, MethodInsnNode call) {
    VarInsnNode instance = (VarInsnNode) call.getPrevious();
    AbstractInsnNode index = instance.getPrevious();
    globals(code, index, instance);
    code.remove(instance);
    code.set(call, new InsnNode(LALOAD));
  }

  /** The value lies below the index. */
  private static void writeGlobal(InsnList code, MethodInsnNode call) {
    VarInsnNode instance = (VarInsnNode) call.getPrevious();
    AbstractInsnNode index = instance.getPrevious();
    globals(code, index, instance);
    code.insertBefore(index, new InsnNode(DUP_X2));
    code.insertBefore(index, new InsnNode(POP));
    code.remove(instance);
    code.insertBefore(call, new InsnNode(DUP_X2));
    code.insertBefore(call, new InsnNode(POP));
    code.set(call, new InsnNode(LASTORE));
  }

  private static void globals(InsnList code, AbstractInsnNode before, VarInsnNode instance) {
    code.insertBefore(before, new VarInsnNode(ALOAD, instance.var - 1));
    code.insertBefore(before, new TypeInsnNode(CHECKCAST, MEMORY));
    code.insertBefore(before, new FieldInsnNode(GETFIELD, MEMORY, "globals", "[J"));
  }
}
