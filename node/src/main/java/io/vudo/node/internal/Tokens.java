package io.vudo.node.internal;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Pattern;

/** Tokens of callers: random, and known to a node by their SHA-256 alone. */
public final class Tokens {
  /** By this a token is recognised where it should not be, in a repository for one. */
  private static final String PREFIX = "vudo_";

  private static final int RANDOM_BYTES = 32;
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}");
  private static final SecureRandom RANDOM = new SecureRandom();

  private Tokens() {}

  /** A token that nobody has had before. */
  public static String create() {
    byte[] bytes = new byte[RANDOM_BYTES];
    RANDOM.nextBytes(bytes);
    return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /** The SHA-256 of a token, in hexadecimal digits. */
  public static String hash(String token) {
    return HexFormat.of().formatHex(sha256(token));
  }

  /** Whether a caller can be called so. */
  public static boolean isName(String text) {
    return NAME.matcher(text).matches();
  }

  static byte[] sha256(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
