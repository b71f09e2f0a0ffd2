package io.vudo.embedded;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Marks an interface or class whose {@link LoaFunction}s are a Loa; see {@link Loa#of}. */
@Documented
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
public @interface LoaService {
  /** The name of the Loa. */
  String name();

  /** Its semantic version. */
  String version() default "1.0.0";
}
