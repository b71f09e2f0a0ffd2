package io.vudo.node.internal;

import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** Makes TLS contexts of PEM files, for both sides of a connection. */
public final class TlsContexts {
  /** Of key stores that never leave the memory. */
  private static final char[] NO_PASSWORD = new char[0];

  private TlsContexts() {}

  /**
   * Whom one is, in TLS.
   *
   * @param chain one's certificate, and those between it and the authority's
   * @param key the certificate's
   */
  public record Identity(List<X509Certificate> chain, PrivateKey key) {
    /**
     * The identity that two files hold.
     *
     * @throws VudoException {@code TLS_INVALID}: they hold none, do not belong together, or the
     *     certificate is not valid now
     */
    public static Identity of(PemText certificate, PemText key) {
      Identity identity = new Identity(certificate.certificates(), key.key());
      X509Certificate own = identity.chain().get(0);
      if (!PemText.belongTogether(identity.key(), own)) {
        throw PemText.invalid(key.file() + " is not the key of " + certificate.file() + ".", null);
      }
      try {
        own.checkValidity();
      } catch (CertificateException e) {
        throw PemText.invalid(certificate.file() + " is not valid now: " + e.getMessage(), e);
      }
      return identity;
    }
  }

  /**
   * A context.
   *
   * @param identity whom one is; empty for nobody
   * @param authorities whose certificates are trusted; empty for those that Java trusts
   * @throws VudoException {@code TLS_INVALID}
   */
  public static SSLContext of(Optional<Identity> identity, List<X509Certificate> authorities) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          identity.isPresent() ? keyManagers(identity.get()) : null,
          authorities.isEmpty() ? null : trustManagers(authorities),
          null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw PemText.invalid(e.getMessage(), e);
    }
  }

  private static KeyManager[] keyManagers(Identity identity)
      throws GeneralSecurityException, IOException {
    KeyStore store = emptyStore();
    store.setKeyEntry(
        "key", identity.key(), NO_PASSWORD, identity.chain().toArray(X509Certificate[]::new));
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, NO_PASSWORD);
    return factory.getKeyManagers();
  }

  private static TrustManager[] trustManagers(List<X509Certificate> authorities)
      throws GeneralSecurityException, IOException {
    KeyStore store = emptyStore();
    for (int i = 0; i < authorities.size(); i++) {
      store.setCertificateEntry("ca" + i, authorities.get(i));
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }
}
