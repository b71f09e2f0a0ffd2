package io.vudo.spirit.internal.jvm;

import com.dylibso.chicory.compiler.internal.ClassLoadingCollector;
import java.util.Map;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/**
 * The classes of a guest as the library makes them, but with {@link UnsignedComparison} in the
 * place of the library's own. Loads each; not thread-safe while classes are added.
 */
final class GuestClasses extends ClassLoadingCollector {
  private static final String OWN = Type.getInternalName(UnsignedComparison.class);
  private static final String TWO_INTS = "(II)I";

  private static final Map<String, String> REPLACED =
      Map.of(
          "I32_LT_U", "lessThan",
          "I32_LE_U", "lessOrEqual",
          "I32_GT_U", "greaterThan",
          "I32_GE_U", "greaterOrEqual",
          "i32_ge_u", "greaterOrEqual");

  @Override
  public void put(String className, byte[] bytes) {
    super.put(className, replaced(bytes));
  }

  @Override
  public void putMainClass(String className, byte[] bytes) {
    super.putMainClass(className, replaced(bytes));
  }

  private static byte[] replaced(byte[] bytes) {
    ClassReader reader = new ClassReader(bytes);
    ClassWriter writer = new ClassWriter(0);
    reader.accept(
        new ClassVisitor(Opcodes.ASM9, writer) {
          @Override
          public MethodVisitor visitMethod(
              int access, String name, String descriptor, String signature, String[] exceptions) {
            return new MethodVisitor(
                Opcodes.ASM9, super.visitMethod(access, name, descriptor, signature, exceptions)) {
              @Override
              public void visitMethodInsn(
                  int opcode, String owner, String called, String type, boolean isInterface) {
                String own = REPLACED.get(called);
                if (own != null && opcode == Opcodes.INVOKESTATIC && type.equals(TWO_INTS)) {
                  super.visitMethodInsn(opcode, OWN, own, type, false);
                } else {
                  super.visitMethodInsn(opcode, owner, called, type, isInterface);
                }
              }
            };
          }
        },
        0);
    return writer.toByteArray();
  }
}
