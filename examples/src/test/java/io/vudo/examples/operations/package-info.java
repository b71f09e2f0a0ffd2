/** The procedures of docs/operations.md, run as they are written. */
package io.vudo.examples.operations;
