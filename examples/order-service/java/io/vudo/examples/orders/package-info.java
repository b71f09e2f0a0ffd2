/** A shop's service: orders that are all or nothing, whatever is killed in the middle. */
package io.vudo.examples.orders;
