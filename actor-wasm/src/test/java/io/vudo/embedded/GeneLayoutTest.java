package io.vudo.embedded;

import static io.vudo.embedded.Guests.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Where the fields of a gene are. */
class GeneLayoutTest {

  record Small(boolean flag, long number) {}

  record Mixed(int a, double b, Small c, float d, String e) {}

  @Test
  void aRecordIsLaidOutAsInC() {
    GeneLayout layout = GeneLayout.of(Mixed.class);
    assertEquals(
        "Mixed(a I32 at 0, b F64 at 8, c Small at 16, d F32 at 32, e STRING at 36), 40 bytes",
        layout.toString());
    assertEquals(8, layout.alignment());
    GeneLayout small = layout.field("c").orElseThrow().gene().orElseThrow();
    assertEquals("Small(flag BOOL at 0, number I64 at 8), 16 bytes", small.toString());
    assertEquals(16, layout.field("c").orElseThrow().size());
    assertTrue(layout.field("z").isEmpty());
  }

  @Test
  void fieldsInTheirOrderGiveTheSameAsOffsets() {
    GeneLayout computed =
        GeneLayout.named("P")
            .field("x", GeneLayout.Type.I32)
            .field("y", GeneLayout.Type.I64)
            .field("z", GeneLayout.Type.BOOL)
            .build();
    GeneLayout given =
        GeneLayout.named("P")
            .size(24)
            .alignment(8)
            .field("x", GeneLayout.Type.I32, 0)
            .field("y", GeneLayout.Type.I64, 8)
            .field("z", GeneLayout.Type.BOOL, 16)
            .build();
    assertEquals(given.toString(), computed.toString());
    assertEquals(given.alignment(), computed.alignment());
    assertEquals(List.copyOf(given.fields()), List.copyOf(computed.fields()));
    GeneLayout outer =
        GeneLayout.named("O")
            .field("b", GeneLayout.Type.I32)
            .field("p", computed)
            .field("q", given, 48)
            .build();
    assertEquals("O(b I32 at 0, p P at 8, q P at 48), 72 bytes", outer.toString());
  }

  record Other(List<String> names) {}

  record Endless(int number, Endless next) {}

  @Test
  void whatIsNoLayoutIsRefused() {
    refused(GeneLayout.named("P"));
    refused(GeneLayout.named("P").field("x", GeneLayout.Type.I64, 0).size(4));
    refused(GeneLayout.named("P").field("x", GeneLayout.Type.I64).alignment(3));
    GeneLayout.Builder one = GeneLayout.named("P").field("x", GeneLayout.Type.I64);
    fails(ErrorCode.GENE_INVALID, () -> one.field("x", GeneLayout.Type.I32));
    fails(ErrorCode.GENE_INVALID, () -> one.field("y", GeneLayout.Type.I32, 4));
    fails(ErrorCode.GENE_INVALID, () -> one.field("y", GeneLayout.Type.I32, -4));
    fails(ErrorCode.GENE_INVALID, () -> one.field("y", GeneLayout.Type.I32, Integer.MAX_VALUE));
    fails(ErrorCode.GENE_INVALID, () -> one.field("y", GeneLayout.Type.GENE));
    fails(ErrorCode.GENE_INVALID, () -> GeneLayout.of(Other.class));
    fails(ErrorCode.GENE_INVALID, () -> GeneLayout.of(Endless.class));
  }

  private static void refused(GeneLayout.Builder builder) {
    fails(ErrorCode.GENE_INVALID, builder::build);
  }
}
