/**
 * What tests of several modules can use: {@link io.vudo.testing.PostgresFixture}. It depends on no
 * module, so that it can become a test-jar of its own.
 */
package io.vudo.testing;
