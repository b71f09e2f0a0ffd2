package io.vudo.embedded;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Marks a method that guests may call, of a {@link LoaService}; see {@link Loa#of}. */
@Documented
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface LoaFunction {
  /** The name that guests import; the method's own when empty. */
  String value() default "";
}
