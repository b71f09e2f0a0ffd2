/** How Ghosts are read. Not for other modules. */
package io.vudo.ghost.internal;
