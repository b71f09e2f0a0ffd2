package io.vudo.node;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.concurrent.atomic.AtomicLong;
import javax.security.auth.x500.X500Principal;

/**
 * A certificate authority of a test. It writes X.509 itself: the JDK has no API that makes
 * certificates, and its keytool is a process of seconds for each step.
 */
public final class TestCertificates {
  private static final int SEQUENCE = 0x30;
  private static final int INTEGER = 0x02;
  private static final int BIT_STRING = 0x03;
  private static final int OCTET_STRING = 0x04;
  private static final int UTC_TIME = 0x17;
  private static final int BOOLEAN = 0x01;

  /** Context-specific: [0] of a certificate, [3], and of a name [2] (DNS) and [7] (IP). */
  private static final int VERSION = 0xa0;

  private static final int EXTENSIONS = 0xa3;
  private static final int DNS_NAME = 0x82;
  private static final int IP_ADDRESS = 0x87;

  private static final byte[] TRUE = {(byte) 0xff};
  // As DER: 1.2.840.113549.1.1.11 with NULL; 2.5.29.19; 2.5.29.17.
  private static final byte[] SHA256_WITH_RSA = {
    0x30,
    0x0d,
    0x06,
    0x09,
    0x2a,
    (byte) 0x86,
    0x48,
    (byte) 0x86,
    (byte) 0xf7,
    0x0d,
    0x01,
    0x01,
    0x0b,
    0x05,
    0x00
  };
  private static final byte[] BASIC_CONSTRAINTS = {0x06, 0x03, 0x55, 0x1d, 0x13};
  private static final byte[] ALTERNATIVE_NAMES = {0x06, 0x03, 0x55, 0x1d, 0x11};

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'").withZone(ZoneOffset.UTC);

  private static final AtomicLong SERIALS = new AtomicLong();

  private final Path directory;
  private final X500Principal name = new X500Principal("CN=test CA");
  private final KeyPair keys;

  /** One node's, or one client's, PEM files. */
  public record NodeFiles(Path certificate, Path key, Path ca) {}

  public TestCertificates(Path directory) throws IOException {
    this.directory = Files.createDirectories(directory).toAbsolutePath();
    this.keys = rsa();
    byte[] isAuthority =
        der(
            SEQUENCE,
            BASIC_CONSTRAINTS,
            der(BOOLEAN, TRUE),
            der(OCTET_STRING, der(SEQUENCE, der(BOOLEAN, TRUE))));
    pem("ca.pem", "CERTIFICATE", certificate(name, keys.getPublic(), isAuthority));
  }

  public Path ca() {
    return directory.resolve("ca.pem");
  }

  /** An RSA key and its certificate for 127.0.0.1, which this authority has issued. */
  public NodeFiles issue(String name) throws IOException {
    return issue(name, rsa(), "CN=vudo test cluster", address("127.0.0.1"));
  }

  /** The same with an elliptic key. */
  public NodeFiles issueElliptic(String name) throws IOException {
    return issue(name, elliptic(), "CN=vudo test cluster", address("127.0.0.1"));
  }

  /**
   * The same for somebody else than a node.
   *
   * @param subject whom it is of
   * @param host its other name
   */
  public NodeFiles issueTo(String name, String subject, String host) throws IOException {
    return issue(name, rsa(), subject, der(DNS_NAME, host.getBytes(US_ASCII)));
  }

  private NodeFiles issue(String name, KeyPair pair, String subject, byte[] alternative)
      throws IOException {
    byte[] names = der(SEQUENCE, ALTERNATIVE_NAMES, der(OCTET_STRING, der(SEQUENCE, alternative)));
    byte[] certificate = certificate(new X500Principal(subject), pair.getPublic(), names);
    return new NodeFiles(
        pem(name + ".crt", "CERTIFICATE", certificate),
        pem(name + ".key", "PRIVATE KEY", pair.getPrivate().getEncoded()),
        ca());
  }

  private static byte[] address(String literal) throws IOException {
    return der(IP_ADDRESS, InetAddress.getByName(literal).getAddress());
  }

  private static KeyPair rsa() throws IOException {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(2048);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IOException(e);
    }
  }

  private static KeyPair elliptic() throws IOException {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IOException(e);
    }
  }

  private byte[] certificate(X500Principal subject, PublicKey key, byte[] extension)
      throws IOException {
    Instant now = Instant.now();
    byte[] content =
        der(
            SEQUENCE,
            der(VERSION, der(INTEGER, new byte[] {2})),
            der(INTEGER, BigInteger.valueOf(SERIALS.incrementAndGet()).toByteArray()),
            SHA256_WITH_RSA,
            name.getEncoded(),
            der(SEQUENCE, time(now.minus(1, ChronoUnit.DAYS)), time(now.plus(2, ChronoUnit.DAYS))),
            subject.getEncoded(),
            key.getEncoded(),
            der(EXTENSIONS, der(SEQUENCE, extension)));
    try {
      Signature signature = Signature.getInstance("SHA256withRSA");
      signature.initSign(keys.getPrivate());
      signature.update(content);
      return der(
          SEQUENCE, content, SHA256_WITH_RSA, der(BIT_STRING, new byte[1], signature.sign()));
    } catch (GeneralSecurityException e) {
      throw new IOException(e);
    }
  }

  private static byte[] time(Instant instant) {
    return der(UTC_TIME, TIME.format(instant).getBytes(US_ASCII));
  }

  /** An element of DER: its tag, its length, and these parts. */
  private static byte[] der(int tag, byte[]... parts) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    ByteArrayOutputStream element = new ByteArrayOutputStream();
    element.write(tag);
    int length = content.size();
    if (length < 0x80) {
      element.write(length);
    } else {
      byte[] bytes = BigInteger.valueOf(length).toByteArray();
      int first = bytes[0] == 0 ? 1 : 0;
      element.write(0x80 | (bytes.length - first));
      element.write(bytes, first, bytes.length - first);
    }
    element.writeBytes(content.toByteArray());
    return element.toByteArray();
  }

  private Path pem(String file, String kind, byte[] der) throws IOException {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    return Files.writeString(
        directory.resolve(file),
        "-----BEGIN " + kind + "-----\n" + text + "\n-----END " + kind + "-----\n");
  }
}
