/**
 * What both engines share: {@link io.vudo.spirit.internal.engine.GuestInstance} turns calls,
 * memory, globals and tables into the mailbox and the exports of a rewritten module, with all
 * checks. An engine only finds functions, calls them without arguments, and says where mailbox and
 * memory are; so both behave alike because they run the same code, on both sides of the wall.
 */
package io.vudo.spirit.internal.engine;
