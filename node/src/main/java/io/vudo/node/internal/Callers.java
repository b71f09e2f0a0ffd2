package io.vudo.node.internal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import javax.security.auth.x500.X500Principal;

/**
 * Who may call the gateway: what a callers file says. Immutable.
 *
 * <p>The file holds no secrets: of a token it has the SHA-256. A token is random and as long as
 * that, so there is nothing to guess and no need for a slow hash.
 */
final class Callers {
  private static final int MAX_CALLERS = 1_000;
  private static final Pattern SHA256 = Pattern.compile("[0-9a-fA-F]{64}");

  private static final Set<String> KEYS =
      Set.of(
          "name",
          "token-sha256",
          "certificate-subject",
          "certificate-san",
          "roles",
          "expires",
          "limits");

  private static final Set<String> LIMIT_KEYS =
      Set.of("requests-per-second", "concurrent-requests");

  // Numbers of X.509's GeneralName.
  private static final int EMAIL = 1;
  private static final int DNS = 2;
  private static final int URI = 6;
  private static final int IP = 7;

  private final List<Entry> entries;

  private Callers(List<Entry> entries) {
    this.entries = List.copyOf(entries);
  }

  /** One entry: what is shown, and who that is. Exactly one of the three is there. */
  private record Entry(
      Optional<HashedToken> token,
      Optional<X500Principal> subject,
      Optional<String> san,
      Optional<Instant> expires,
      Caller caller) {}

  /** The SHA-256 of a token. */
  private static final class HashedToken {
    private final byte[] hash;

    HashedToken(byte[] hash) {
      this.hash = hash;
    }

    boolean isOf(byte[] other) {
      return MessageDigest.isEqual(hash, other);
    }
  }

  int size() {
    return entries.size();
  }

  /**
   * Whoever has this token.
   *
   * @throws VudoException {@code UNAUTHENTICATED}
   */
  Caller withToken(String token, Instant now) {
    byte[] hash = Tokens.sha256(token);
    Entry found = null;
    // All of them are compared, each in constant time.
    for (Entry entry : entries) {
      if (entry.token().isPresent() && entry.token().get().isOf(hash)) {
        found = entry;
      }
    }
    if (found == null) {
      throw new VudoException(ErrorCode.UNAUTHENTICATED, "The token is not known.");
    }
    return valid(found, now);
  }

  /**
   * Whoever has this certificate, which an authority that is trusted has issued.
   *
   * @throws VudoException {@code UNAUTHENTICATED}
   */
  Caller withCertificate(X509Certificate certificate, Instant now) {
    X500Principal subject = certificate.getSubjectX500Principal();
    Set<String> names = alternativeNames(certificate);
    return entries.stream()
        .filter(
            entry ->
                entry.subject().filter(subject::equals).isPresent()
                    || entry.san().filter(names::contains).isPresent())
        .findFirst()
        .map(entry -> valid(entry, now))
        .orElseThrow(
            () ->
                new VudoException(
                    ErrorCode.UNAUTHENTICATED,
                    "The certificate of "
                        + subject.getName()
                        + " is nobody's in the callers file."));
  }

  private static Caller valid(Entry entry, Instant now) {
    if (entry.expires().isPresent() && !now.isBefore(entry.expires().get())) {
      throw new VudoException(
          ErrorCode.UNAUTHENTICATED,
          entry.caller().name() + " was let in until " + entry.expires().get() + ".");
    }
    return entry.caller();
  }

  private static Set<String> alternativeNames(X509Certificate certificate) {
    Set<String> names = new HashSet<>();
    try {
      Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
      if (alternatives != null) {
        for (List<?> alternative : alternatives) {
          if (alternative.get(1) instanceof String value) {
            switch ((Integer) alternative.get(0)) {
              case EMAIL -> names.add("email:" + value.toLowerCase(Locale.ROOT));
              case DNS -> names.add("dns:" + value.toLowerCase(Locale.ROOT));
              case URI -> names.add("uri:" + value);
              case IP -> names.add("ip:" + address(value));
              default -> {
                // Of a kind that nobody can name.
              }
            }
          }
        }
      }
    } catch (CertificateParsingException e) {
      throw new VudoException(
          ErrorCode.UNAUTHENTICATED, "The certificate cannot be read: " + e.getMessage(), e);
    }
    return names;
  }

  /** An address in the one form that all its writings have. */
  private static String address(String literal) {
    try {
      return InetAddress.getByName(literal).getHostAddress();
    } catch (UnknownHostException e) {
      return literal;
    }
  }

  // Reading

  /**
   * Reads a callers file, HOCON or JSON.
   *
   * @param file how it is called in errors
   * @param defaults for those whose entry has no limits
   * @throws VudoException {@code CALLERS_INVALID}
   */
  static Callers read(Path file, byte[] text, Caller.Limits defaults) {
    try {
      Config config = ConfigFactory.parseString(new String(text, StandardCharsets.UTF_8)).resolve();
      refuseUnknown(config, Set.of("callers"), "");
      List<Entry> entries = new ArrayList<>();
      for (Config each : config.getConfigList("callers")) {
        entries.add(entry(each, "Entry " + (entries.size() + 1), defaults));
      }
      if (entries.size() > MAX_CALLERS) {
        throw invalid(entries.size() + " entries; there may be " + MAX_CALLERS + ".");
      }
      refuseRepeated(entries);
      return new Callers(entries);
    } catch (ConfigException e) {
      // Not as the cause: it would be taken for a mistake in the node's own settings.
      throw invalid(file + ": " + e.getMessage() + ".");
    } catch (VudoException e) {
      throw new VudoException(e.code(), file + ": " + e.detail(), e);
    }
  }

  private static Entry entry(Config entry, String place, Caller.Limits defaults) {
    refuseUnknown(entry, KEYS, place + ": ");
    String name = entry.getString("name");
    if (!Tokens.isName(name)) {
      throw invalid(place + ": a name has 1 to 64 letters, digits and ._@+-.");
    }
    String called = place + ", " + name + ": ";
    Optional<HashedToken> token =
        text(entry, "token-sha256").map(hash -> new HashedToken(hash(called, hash)));
    Optional<X500Principal> subject =
        text(entry, "certificate-subject").map(text -> subject(called, text));
    Optional<String> san = text(entry, "certificate-san").map(text -> san(called, text));
    long identities = List.of(token, subject, san).stream().filter(Optional::isPresent).count();
    if (identities != 1) {
      throw invalid(
          called + "it has one of token-sha256, certificate-subject and certificate-san.");
    }
    return new Entry(
        token,
        subject,
        san,
        text(entry, "expires").map(text -> instant(called, text)),
        new Caller(name, roles(entry, called), limits(entry, called, defaults), "caller " + name));
  }

  private static Optional<String> text(Config entry, String key) {
    return entry.hasPath(key) ? Optional.of(entry.getString(key)) : Optional.empty();
  }

  private static byte[] hash(String called, String text) {
    if (!SHA256.matcher(text).matches()) {
      // Not what it is: somebody may have put the token itself there.
      throw invalid(called + "token-sha256 has 64 hexadecimal digits; vudo token create makes it.");
    }
    return HexFormat.of().parseHex(text);
  }

  private static X500Principal subject(String called, String text) {
    try {
      return new X500Principal(text);
    } catch (IllegalArgumentException e) {
      throw invalid(called + "\"" + text + "\" is no subject such as CN=orders,O=Example.");
    }
  }

  private static String san(String called, String text) {
    int colon = text.indexOf(':');
    String kind = colon < 0 ? "" : text.substring(0, colon).toLowerCase(Locale.ROOT);
    String value = text.substring(colon + 1);
    return switch (kind) {
      case "email", "dns" -> kind + ":" + value.toLowerCase(Locale.ROOT);
      case "uri" -> kind + ":" + value;
      case "ip" -> {
        // Only literals: a name would be looked up.
        if (!value.matches("[0-9.]+") && !value.contains(":")) {
          throw invalid(called + "\"" + value + "\" is no IP address.");
        }
        yield kind + ":" + address(value);
      }
      default -> throw invalid(called + "certificate-san begins with dns:, uri:, email: or ip:.");
    };
  }

  private static Instant instant(String called, String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw invalid(called + "expires looks like 2027-06-30T00:00:00Z; got \"" + text + "\".");
    }
  }

  private static Set<Role> roles(Config entry, String called) {
    Set<Role> roles = EnumSet.noneOf(Role.class);
    for (String text : entry.getStringList("roles")) {
      roles.add(
          Role.of(text)
              .orElseThrow(
                  () ->
                      invalid(called + "the roles are " + Role.all() + "; got \"" + text + "\".")));
    }
    if (roles.isEmpty()) {
      throw invalid(called + "a caller without a role can do nothing.");
    }
    return Set.copyOf(roles);
  }

  private static Caller.Limits limits(Config entry, String called, Caller.Limits defaults) {
    if (!entry.hasPath("limits")) {
      return defaults;
    }
    Config limits = entry.getConfig("limits");
    refuseUnknown(limits, LIMIT_KEYS, called);
    return limits(
        limits.hasPath("requests-per-second")
            ? limits.getDouble("requests-per-second")
            : defaults.requestsPerSecond(),
        limits.hasPath("concurrent-requests")
            ? limits.getInt("concurrent-requests")
            : defaults.concurrentRequests(),
        called,
        ErrorCode.CALLERS_INVALID);
  }

  /**
   * Limits that can be kept.
   *
   * @param where the beginning of the error's detail
   */
  static Caller.Limits limits(
      double requestsPerSecond, int concurrentRequests, String where, ErrorCode code) {
    if (!(requestsPerSecond >= 0 && requestsPerSecond <= Integer.MAX_VALUE)
        || concurrentRequests < 0) {
      throw new VudoException(
          code, where + "requests-per-second and concurrent-requests are 0 or more.");
    }
    return new Caller.Limits(requestsPerSecond, concurrentRequests);
  }

  private static void refuseUnknown(Config config, Set<String> known, String where) {
    for (String key : config.root().keySet()) {
      if (!known.contains(key)) {
        throw invalid(where + "there is no key \"" + key + "\" here.");
      }
    }
  }

  private static void refuseRepeated(List<Entry> entries) {
    Set<Object> seen = new HashSet<>();
    for (Entry entry : entries) {
      Object shown =
          entry
              .token()
              .map(token -> (Object) HexFormat.of().formatHex(token.hash))
              .or(() -> entry.subject().map(subject -> (Object) subject))
              .or(() -> entry.san().map(san -> (Object) san))
              .orElseThrow();
      if (!seen.add(shown)) {
        throw invalid(
            "two entries have the token or certificate of " + entry.caller().name() + ".");
      }
    }
  }

  private static VudoException invalid(String detail) {
    return new VudoException(ErrorCode.CALLERS_INVALID, detail);
  }
}
