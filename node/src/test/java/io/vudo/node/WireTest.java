package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.MessageLite;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.typesafe.config.Config;
import java.io.NotSerializableException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializer;
import org.apache.pekko.serialization.SerializerWithStringManifest;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Between nodes there is Protobuf and what Pekko itself says, and nothing else: each message of
 * ours that can cross has a serializer of ours, and whatever has none cannot cross.
 */
class WireTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  private static final JavaClasses OURS =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("io.vudo");

  /**
   * What an actor says to itself, its children or its parent only; beside what implements an
   * interface of the name Local.
   */
  private static final Set<String> LOCAL =
      Set.of(
          "io.vudo.node.internal.DeploymentRegister$LookAgain",
          "io.vudo.spirit.internal.actor.LetterRegister$Replayed",
          "io.vudo.spirit.internal.actor.WakeIndex$Tick");

  private static Serialization serialization;
  private static Config config;

  @BeforeAll
  static void findSerialization() {
    serialization = SerializationExtension.get(Adapter.toClassic(NODE.node().system()));
    config = NODE.node().system().settings().config();
  }

  @Test
  void javaSerializationIsOff() {
    assertFalse(config.getBoolean("pekko.actor.allow-java-serialization"));
    Serializer serializer = serializerFor(BitSet.class).orElseThrow();
    assertEquals(
        "org.apache.pekko.serialization.DisabledJavaSerializer", serializer.getClass().getName());
  }

  @Test
  void noClassIsBoundToJackson() {
    for (String type : boundTypes()) {
      assertFalse(serializerNameOf(type).contains("jackson"), type + " goes as JSON");
    }
  }

  @Test
  void whatIsBoundOfOursIsWrittenByOurs() {
    for (String type : boundTypes()) {
      if (type.startsWith("io.vudo.")) {
        assertOurs(classOf(type));
      }
    }
    assertTrue(roots().size() > 10, "the bindings were found");
  }

  @Test
  void everyShardedAddressTakesWhatIsWritten() throws IllegalAccessException {
    List<String> keys = new ArrayList<>();
    for (JavaClass type : OURS) {
      if (type.getFields().stream()
          .anyMatch(field -> field.getRawType().isAssignableTo(EntityTypeKey.class))) {
        for (Field field : classOf(type.getName()).getDeclaredFields()) {
          if (field.getType() == EntityTypeKey.class && Modifier.isStatic(field.getModifiers())) {
            keys.add(field.toGenericString());
            messagesOf(argumentOf(field.getGenericType())).forEach(this::assertCrossesOrIsLocal);
          }
        }
      }
    }
    assertTrue(keys.size() >= 3, keys.toString());
  }

  @Test
  void everyMessageIsKnownToItsSerializerAndSoIsEveryReplyToIt() {
    for (Class<?> root : roots()) {
      for (Class<?> message : messagesOf(root)) {
        assertCrossesOrIsLocal(message);
        if (!isLocal(message)) {
          for (Class<?> reply : repliesTo(message)) {
            // An address may be one that takes local messages, too.
            messagesOf(reply).forEach(this::assertCrossesOrIsLocal);
          }
        }
      }
    }
  }

  @Test
  void whatNobodyHasBoundCannotCross() {
    record Unbound(String text) {}
    assertThrows(Exception.class, () -> serialization.serialize(new Unbound("x")).get());
    Serializer ours =
        serializerFor(classOf("io.vudo.node.internal.Deployments$Outcome")).orElseThrow();
    assertThrows(
        NotSerializableException.class,
        () -> ((SerializerWithStringManifest) ours).fromBinary(new byte[0], "no such manifest"));
  }

  /** A message is known to its serializer by name; or it is said to be local, and refused by it. */
  private void assertCrossesOrIsLocal(Class<?> message) {
    if (!isLocal(message)) {
      assertOurs(message);
      return;
    }
    Serializer serializer = serializerFor(message).orElse(null);
    if (serializer instanceof SerializerWithStringManifest ours
        && serializer.getClass().getName().startsWith("io.vudo.")) {
      assertThrows(
          IllegalArgumentException.class,
          () -> ours.manifest(anyInstance(message)),
          message + " is local, but would be sent");
    }
  }

  private static boolean isLocal(Class<?> message) {
    if (LOCAL.contains(message.getName())) {
      return true;
    }
    for (Class<?> type : allInterfaces(message)) {
      if (type.getSimpleName().equals("Local")) {
        return true;
      }
    }
    return false;
  }

  private static List<Class<?>> allInterfaces(Class<?> type) {
    List<Class<?>> all = new ArrayList<>();
    for (Class<?> one = type; one != null; one = one.getSuperclass()) {
      for (Class<?> implemented : one.getInterfaces()) {
        all.add(implemented);
        all.addAll(allInterfaces(implemented));
      }
    }
    return all;
  }

  private void assertOurs(Class<?> message) {
    Serializer serializer =
        serializerFor(message).orElseThrow(() -> new AssertionError(message + " cannot cross"));
    assertTrue(
        serializer.getClass().getName().startsWith("io.vudo."),
        message + " is written by " + serializer.getClass());
    if (serializer instanceof SerializerWithStringManifest ours
        && !message.isInterface()
        && !Modifier.isAbstract(message.getModifiers())) {
      assertFalse(ours.manifest(anyInstance(message)).isEmpty(), message.toString());
    }
  }

  private static Optional<Serializer> serializerFor(Class<?> message) {
    try {
      return Optional.of(serialization.serializerFor(message));
    } catch (NotSerializableException e) {
      return Optional.empty();
    }
  }

  private static List<String> boundTypes() {
    return config.getConfig("pekko.actor.serialization-bindings").root().keySet().stream()
        .filter(type -> !serializerNameOf(type).equals("none"))
        .sorted()
        .toList();
  }

  private static String serializerNameOf(String type) {
    return String.valueOf(
        config.getConfig("pekko.actor.serialization-bindings").root().get(type).unwrapped());
  }

  /** What of ours is bound. */
  private static List<Class<?>> roots() {
    List<Class<?>> roots = new ArrayList<>();
    for (String type : boundTypes()) {
      if (type.startsWith("io.vudo.")) {
        roots.add(classOf(type));
      }
    }
    return roots;
  }

  /** The concrete classes of a kind of message. */
  private static List<Class<?>> messagesOf(Class<?> kind) {
    if (!OURS.contain(kind)) {
      return List.of();
    }
    JavaClass type = OURS.get(kind);
    Set<String> names = new TreeSet<>();
    List<JavaClass> all = new ArrayList<>(type.getAllSubclasses());
    all.add(type);
    for (JavaClass one : all) {
      // A constant of an enum with a body is one of the enum.
      if (!one.isInterface()
          && !one.getModifiers().contains(JavaModifier.ABSTRACT)
          && !one.isAnonymousClass()) {
        names.add(one.getName());
      }
    }
    List<Class<?>> messages = new ArrayList<>();
    names.forEach(name -> messages.add(classOf(name)));
    return messages;
  }

  /** What the components of a message are addressed to take. */
  private static Collection<Class<?>> repliesTo(Class<?> message) {
    List<Class<?>> replies = new ArrayList<>();
    if (message.isRecord()) {
      for (RecordComponent component : message.getRecordComponents()) {
        if (component.getType() == ActorRef.class) {
          replies.add(argumentOf(component.getGenericType()));
        }
      }
    }
    return replies;
  }

  private static Class<?> argumentOf(Type generic) {
    Type argument = ((ParameterizedType) generic).getActualTypeArguments()[0];
    if (argument instanceof WildcardType wildcard) {
      argument =
          wildcard.getLowerBounds().length > 0
              ? wildcard.getLowerBounds()[0]
              : wildcard.getUpperBounds()[0];
    }
    return argument instanceof ParameterizedType parameterized
        ? (Class<?>) parameterized.getRawType()
        : (Class<?>) argument;
  }

  /** Enough of one to be asked for its class: serializers choose the manifest by that. */
  private static Object anyInstance(Class<?> type) {
    try {
      if (type.isEnum()) {
        return type.getEnumConstants()[0];
      }
      if (MessageLite.class.isAssignableFrom(type)) {
        return type.getMethod("getDefaultInstance").invoke(null);
      }
      Class<?> unsafe = Class.forName("sun.misc.Unsafe");
      Field instance = unsafe.getDeclaredField("theUnsafe");
      instance.setAccessible(true);
      return unsafe.getMethod("allocateInstance", Class.class).invoke(instance.get(null), type);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(type.toString(), e);
    }
  }

  private static Class<?> classOf(String name) {
    try {
      return Class.forName(name, false, WireTest.class.getClassLoader());
    } catch (ClassNotFoundException e) {
      throw new AssertionError(name, e);
    }
  }

  /** A walk that finds nothing would complain of nothing. */
  @Test
  void theWalkFindsMessagesAndReplies() {
    List<Class<?>> all = new ArrayList<>();
    roots().forEach(root -> all.addAll(messagesOf(root)));
    assertTrue(all.size() > 40, all.toString());
    assertTrue(all.stream().anyMatch(message -> !repliesTo(message).isEmpty()));
  }
}
