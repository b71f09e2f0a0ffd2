package io.vudo.spirit.internal.actor;

import io.vudo.protocol.VudoError;
import io.vudo.spirit.Migration;

/** What somebody is told who asked for a migration. */
public sealed interface MigrationReply {

  /**
   * The Spirit is on the engine; that is durable.
   *
   * @param migration from where to where
   */
  record Done(Migration migration) implements MigrationReply {}

  /**
   * The Spirit stays where it was.
   *
   * @param error why
   */
  record Refused(VudoError error) implements MigrationReply {}
}
