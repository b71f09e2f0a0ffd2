/**
 * What an embedded Spirit is made of: modules that are compiled once in this process, an instance
 * that one caller has at a time, the heap that the host keeps in its memory, and how values cross.
 */
package io.vudo.embedded.internal;
