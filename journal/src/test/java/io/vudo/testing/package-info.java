/**
 * What tests of several modules can use: {@link io.vudo.testing.PostgresFixture}. They get it as
 * the test-jar of this one.
 */
package io.vudo.testing;
