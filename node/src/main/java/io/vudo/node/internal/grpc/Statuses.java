package io.vudo.node.internal.grpc;

import io.grpc.Status;
import io.vudo.protocol.ErrorCode;

/** The status of gRPC for each code of the catalogue. docs/grpc.md has the table. */
final class Statuses {
  private Statuses() {}

  static Status.Code of(ErrorCode code) {
    return switch (code) {
      case SPIRIT_EXISTS, LOA_EXISTS, ALREADY_SUMMONED -> Status.Code.ALREADY_EXISTS;
      case TRANSACTION_ABORTED -> Status.Code.ABORTED;
      case JOURNAL_CORRUPT, SNAPSHOT_CORRUPT, ARCHIVE_CORRUPT -> Status.Code.DATA_LOSS;
      default -> ofHttp(code.httpStatus());
    };
  }

  private static Status.Code ofHttp(int status) {
    return switch (status) {
      case 400, 413 -> Status.Code.INVALID_ARGUMENT;
      case 401 -> Status.Code.UNAUTHENTICATED;
      case 403 -> Status.Code.PERMISSION_DENIED;
      case 404 -> Status.Code.NOT_FOUND;
      case 408, 504 -> Status.Code.DEADLINE_EXCEEDED;
      // What the caller or an operator has to mend before it makes sense to try again.
      case 409, 410 -> Status.Code.FAILED_PRECONDITION;
      // The turn was undone.
      case 422 -> Status.Code.ABORTED;
      case 429, 507 -> Status.Code.RESOURCE_EXHAUSTED;
      case 503 -> Status.Code.UNAVAILABLE;
      default -> Status.Code.INTERNAL;
    };
  }
}
