package io.vudo.client;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A parameter of type {@code String} that is the call's idempotency key, and not part of its
 * payload. With a key of one's own, such as an order's number, a call can be repeated after a
 * restart of the caller and is still done once, as long as the Spirit remembers the key: its last
 * 1,000 ({@code vudo.spirit.max-idempotency-keys}). Who may come later than that sends the message
 * himself, {@linkplain Message#withKey(String, java.time.Instant) with the time}.
 *
 * <p>A key names one operation of a Spirit, such as {@code "pay-order-17"}, whichever method it is
 * given to: a second method that is called with a key of the first is not done, and gets the first
 * one's reply.
 *
 * @see Message#withKey(String)
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.PARAMETER)
public @interface IdempotencyKey {}
