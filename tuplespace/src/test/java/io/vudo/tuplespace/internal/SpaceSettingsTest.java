package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpaceSettingsTest {
  @Test
  void theDefaultsAreValidAndComplete() {
    SpaceSettings settings = SpaceSettings.of(ConfigFactory.load());
    assertEquals(64 << 20, settings.limits().maxBytes());
    assertEquals("", settings.journalPluginId());
  }

  @ParameterizedTest
  @ValueSource(strings = {"max-batch = 0", "max-bytes = 0", "hold-age = 0s", "max-waiting = many"})
  void aWrongSettingIsNamed(String setting) {
    Config config =
        ConfigFactory.parseString(setting)
            .atPath("vudo.tuplespace")
            .withFallback(ConfigFactory.load());
    VudoException e = assertThrows(VudoException.class, () -> SpaceSettings.of(config));
    assertEquals(ErrorCode.CONFIG_INVALID, e.code());
    assertTrue(e.detail().contains(setting.substring(0, setting.indexOf(' '))), e.detail());
  }
}
