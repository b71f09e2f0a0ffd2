package io.vudo.node.internal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.pekko.pki.pem.DERPrivateKeyLoader;
import org.apache.pekko.pki.pem.PEMDecoder;

/**
 * TLS between nodes. The files are read and held against each other before anything starts: later,
 * a mistake would show as a handshake that fails on another node.
 */
final class ClusterTls {
  private static final String ENGINE =
      "org.apache.pekko.remote.artery.tcp.ssl.RotatingKeysSSLEngineProvider";

  private ClusterTls() {}

  /**
   * What Pekko has to be told; empty when TLS is off.
   *
   * @param tls {@code vudo.cluster.tls}
   * @throws VudoException {@code TLS_INVALID}
   */
  static Config settings(Config tls) {
    String certificate = tls.getString("certificate");
    String key = tls.getString("key");
    String ca = tls.getString("ca");
    List<String> files = List.of(certificate, key, ca);
    if (files.stream().allMatch(String::isEmpty)) {
      return ConfigFactory.empty();
    }
    if (files.stream().anyMatch(String::isEmpty)) {
      throw invalid("certificate, key and ca of vudo.cluster.tls go together.", null);
    }
    check(Path.of(certificate), Path.of(key), Path.of(ca));
    return ConfigFactory.parseMap(
            Map.of(
                "transport", "tls-tcp",
                "ssl.ssl-engine-provider", ENGINE,
                "ssl.rotating-keys-engine.cert-file", absolute(certificate),
                "ssl.rotating-keys-engine.key-file", absolute(key),
                "ssl.rotating-keys-engine.ca-cert-file", absolute(ca)))
        .atPath("pekko.remote.artery");
  }

  private static String absolute(String file) {
    return Path.of(file).toAbsolutePath().toString();
  }

  private static void check(Path certificateFile, Path keyFile, Path caFile) {
    X509Certificate certificate = certificate(certificateFile);
    X509Certificate ca = certificate(caFile);
    String algorithm = certificate.getPublicKey().getAlgorithm();
    if (!algorithm.equals("RSA")) {
      throw invalid(certificateFile + ": its key must be an RSA key; it is " + algorithm, null);
    }
    PrivateKey key = key(keyFile);
    if (!PemText.belongTogether(key, certificate)) {
      throw invalid(keyFile + " is not the key of " + certificateFile + ".", null);
    }
    try {
      certificate.checkValidity();
    } catch (CertificateException e) {
      throw invalid(certificateFile + " is not valid now: " + e.getMessage(), e);
    }
    try {
      certificate.verify(ca.getPublicKey());
    } catch (GeneralSecurityException e) {
      throw invalid(certificateFile + " was not issued by " + caFile + ".", e);
    }
  }

  private static X509Certificate certificate(Path file) {
    return PemText.read(file).certificates().get(0);
  }

  private static PrivateKey key(Path file) {
    try {
      return DERPrivateKeyLoader.load(PEMDecoder.decode(text(file)));
    } catch (VudoException e) {
      throw e;
    } catch (Exception e) {
      // Also checked exceptions that it does not declare.
      throw invalid(
          file + " holds no PEM RSA key (PKCS#1, or PKCS#8 without a password): " + e.getMessage(),
          e);
    }
  }

  private static String text(Path file) {
    try (Stream<String> lines = Files.lines(file, StandardCharsets.US_ASCII)) {
      // What openssl writes before the first line of a certificate is no PEM.
      return String.join("\n", lines.dropWhile(line -> !line.startsWith("-----BEGIN")).toList());
    } catch (IOException | java.io.UncheckedIOException e) {
      throw invalid("Cannot read " + file + ": " + e, e);
    }
  }

  private static VudoException invalid(String detail, Throwable cause) {
    return new VudoException(ErrorCode.TLS_INVALID, detail, cause);
  }
}
