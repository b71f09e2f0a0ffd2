package io.vudo.client;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A method whose message does no harm when it is handled twice, such as one that only asks for
 * something. It is sent without an idempotency key, which saves the Spirit remembering it.
 *
 * @see Message#idempotent
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Idempotent {}
