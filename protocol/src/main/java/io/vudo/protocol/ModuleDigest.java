package io.vudo.protocol;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * The name of a module's bytes: their SHA-256, as 64 lower-case hexadecimal digits. It is always
 * that of the original file, never of what admission made of it.
 *
 * @param hex the digest
 */
public record ModuleDigest(String hex) {
  private static final Pattern HEX = Pattern.compile("[0-9a-f]{64}");

  public ModuleDigest {
    if (!HEX.matcher(hex).matches()) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "A module digest is 64 hexadecimal digits.");
    }
  }

  /** The digest of these bytes. */
  public static ModuleDigest of(byte[] module) {
    try {
      return new ModuleDigest(
          HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(module)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every JDK has SHA-256", e);
    }
  }

  /** The first 12 digits, for people. */
  public String abbreviated() {
    return hex.substring(0, 12);
  }

  @Override
  public String toString() {
    return "sha256:" + hex;
  }
}
