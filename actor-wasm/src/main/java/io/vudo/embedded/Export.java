package io.vudo.embedded;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Names the export behind a method of an interface that {@link Spirit#as} implements, where a
 * method cannot have its name: DOL exports {@code Counter.increment} and {@code new_Counter}.
 */
@Documented
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface Export {
  /** The name of the export. */
  String value();
}
