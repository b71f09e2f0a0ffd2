package io.vudo.node;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The house as ARCHITECTURE.md draws it: dependencies point down, internals stay inside. */
class ModuleBoundariesTest {
  private static final JavaClasses OURS =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          // In a build that packages them, tests of other modules come in a jar.
          .withImportOption(location -> !location.contains("-tests.jar"))
          .importPackages("io.vudo");

  /** The modules, each with its packages and with the modules that it may use. */
  enum Room {
    PROTOCOL("io.vudo.protocol.."),
    GHOST("io.vudo.ghost..", PROTOCOL),
    CLIENT("io.vudo.client..", PROTOCOL, GHOST),
    JOURNAL("io.vudo.journal..", PROTOCOL),
    TUPLESPACE("io.vudo.tuplespace..", PROTOCOL),
    ACTOR_WASM("io.vudo.spirit..", PROTOCOL, GHOST, JOURNAL, TUPLESPACE),
    EMBEDDED("io.vudo.embedded..", PROTOCOL, GHOST, ACTOR_WASM),
    NODE("io.vudo.node..", PROTOCOL, CLIENT, GHOST, JOURNAL, TUPLESPACE, ACTOR_WASM, EMBEDDED),
    CLI("io.vudo.cli..", PROTOCOL, GHOST, JOURNAL, TUPLESPACE, ACTOR_WASM, NODE);

    private final String packages;

    @SuppressWarnings("ImmutableEnumChecker") // List.of() answers one that nobody can change.
    private final List<Room> below;

    Room(String packages, Room... below) {
      this.packages = packages;
      this.below = List.of(below);
    }

    /** The packages of all rooms that this one must not know. */
    private String[] forbidden() {
      return Arrays.stream(values())
          .filter(room -> room != this && !below.contains(room))
          .map(room -> room.packages)
          .toArray(String[]::new);
    }

    private String internals() {
      return packages.replace("..", ".internal..");
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyRoomHasClassesSoThatItsRulesHoldForSomething(Room room) {
    assertTrue(
        OURS.stream()
            .anyMatch(
                type -> (type.getPackageName() + ".").startsWith(room.packages.replace("..", "."))),
        room.packages);
  }

  @ParameterizedTest
  @EnumSource(names = "CLI", mode = EnumSource.Mode.EXCLUDE)
  void dependenciesPointDown(Room room) {
    noClasses()
        .that()
        .resideInAPackage(room.packages)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(room.forbidden())
        .check(OURS);
  }

  @ParameterizedTest
  @EnumSource
  void internalsStayInsideOfTheirModule(Room room) {
    List<String> sameModule = new ArrayList<>(List.of(room.packages));
    if (room == Room.NODE) {
      sameModule.add(Room.CLI.packages);
    }
    noClasses()
        .that()
        .resideOutsideOfPackages(sameModule.toArray(String[]::new))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(room.internals())
        .check(OURS);
  }

  @Test
  void theWordsThatAllShareAndTheClientNeedNoActors() {
    noClasses()
        .that()
        .resideInAnyPackage(Room.PROTOCOL.packages, Room.CLIENT.packages, Room.GHOST.packages)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.apache.pekko..", "scala..", "com.typesafe..")
        .check(OURS);
  }

  @Test
  void theCommandLineLeavesActorsToTheNode() {
    noClasses()
        .that()
        .resideInAPackage(Room.CLI.packages)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.apache.pekko..", "scala..")
        .check(OURS);
  }

  @Test
  void enginesAreReachedThroughTheirInterfaceOnly() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.vudo.spirit.internal.wasmtime..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.github.kawamuray.wasmtime..")
        .check(OURS);
  }

  @Test
  void everyClassHasARoom() {
    classes()
        .should()
        .resideInAnyPackage(
            Arrays.stream(Room.values()).map(room -> room.packages).toArray(String[]::new))
        .check(OURS);
  }
}
