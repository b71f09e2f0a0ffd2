package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.pekko.pki.pem.DERPrivateKeyLoader;
import org.apache.pekko.pki.pem.PEMDecoder;

/**
 * The blocks of a PEM file. What stands around them means nothing, as openssl writes it.
 *
 * @param file how it is called in errors
 * @param blocks in their order
 */
public record PemText(Path file, List<Block> blocks) {
  private static final Pattern BLOCK =
      Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \\1-----");

  /**
   * One block.
   *
   * @param label what it is
   * @param base64 as it stands in the file
   */
  public record Block(String label, String base64) {
    private byte[] bytes() {
      return Base64.getMimeDecoder().decode(base64);
    }

    private String text() {
      return "-----BEGIN " + label + "-----" + base64 + "-----END " + label + "-----\n";
    }
  }

  /**
   * Reads a file.
   *
   * @throws VudoException {@code TLS_INVALID}: it cannot be read
   */
  public static PemText read(Path file) {
    try {
      return of(file, Files.readAllBytes(file));
    } catch (IOException e) {
      throw invalid("Cannot read " + file + ": " + e, e);
    }
  }

  /** The blocks of what a file holds. */
  static PemText of(Path file, byte[] content) {
    List<Block> blocks = new ArrayList<>();
    Matcher block = BLOCK.matcher(new String(content, StandardCharsets.ISO_8859_1));
    while (block.find()) {
      blocks.add(new Block(block.group(1), block.group(2)));
    }
    return new PemText(file, List.copyOf(blocks));
  }

  /**
   * The certificates, one or more, in their order.
   *
   * @throws VudoException {@code TLS_INVALID}
   */
  public List<X509Certificate> certificates() {
    List<X509Certificate> certificates = new ArrayList<>();
    try {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      for (Block block : blocks) {
        if (block.label().equals("CERTIFICATE")) {
          certificates.add(
              (X509Certificate)
                  factory.generateCertificate(new ByteArrayInputStream(block.bytes())));
        }
      }
    } catch (CertificateException | IllegalArgumentException e) {
      throw invalid(file + " holds no PEM certificate: " + e.getMessage(), e);
    }
    if (certificates.isEmpty()) {
      throw invalid(file + " holds no PEM certificate.", null);
    }
    return certificates;
  }

  /**
   * The private key: PKCS#8 of RSA, EC or EdDSA, or PKCS#1.
   *
   * @throws VudoException {@code TLS_INVALID}
   */
  public PrivateKey key() {
    Block block =
        blocks.stream()
            .filter(each -> each.label().endsWith("PRIVATE KEY"))
            .findFirst()
            .orElseThrow(() -> invalid(file + " holds no PEM private key.", null));
    return switch (block.label()) {
      case "PRIVATE KEY" ->
          pkcs8(block)
              .orElseThrow(
                  () -> invalid(file + " holds a key that is not RSA, EC or EdDSA.", null));
      case "RSA PRIVATE KEY" -> pkcs1(block);
      case "ENCRYPTED PRIVATE KEY" ->
          throw invalid(file + " has a password; store the key without one.", null);
      default ->
          throw invalid(
              file + " is no PKCS#8; openssl pkcs8 -topk8 -nodes -in " + file + " makes it one.",
              null);
    };
  }

  private Optional<PrivateKey> pkcs8(Block block) {
    byte[] bytes;
    try {
      bytes = block.bytes();
    } catch (IllegalArgumentException e) {
      throw invalid(file + " holds no PEM private key: " + e.getMessage(), e);
    }
    for (String algorithm : List.of("RSA", "EC", "EdDSA")) {
      try {
        return Optional.of(
            KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(bytes)));
      } catch (InvalidKeySpecException e) {
        // Of another algorithm.
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }
    return Optional.empty();
  }

  private PrivateKey pkcs1(Block block) {
    try {
      return DERPrivateKeyLoader.load(PEMDecoder.decode(block.text()));
    } catch (Exception e) {
      // Also checked exceptions that it does not declare.
      throw invalid(file + " holds no PEM private key: " + e.getMessage(), e);
    }
  }

  /** Whether what the key signs is what the certificate verifies. */
  static boolean belongTogether(PrivateKey key, X509Certificate certificate) {
    byte[] text = "vudo".getBytes(StandardCharsets.US_ASCII);
    String algorithm =
        switch (key.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> "EdDSA";
        };
    try {
      Signature signature = Signature.getInstance(algorithm);
      signature.initSign(key);
      signature.update(text);
      byte[] signed = signature.sign();
      signature.initVerify(certificate.getPublicKey());
      signature.update(text);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      // Of another algorithm or length, for one.
      return false;
    }
  }

  static VudoException invalid(String detail, Throwable cause) {
    return new VudoException(ErrorCode.TLS_INVALID, detail, cause);
  }
}
