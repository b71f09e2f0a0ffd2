package io.vudo.client;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A method that tells and does not wait: it returns at once, and the client goes on trying until
 * the call's deadline. What becomes of it nobody hears; a failure is logged as a warning. Its
 * method returns {@code void}.
 *
 * <p>Without this annotation a {@code void} method returns when the message was handled, and throws
 * when that failed.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Tell {}
