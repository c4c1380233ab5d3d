/**
 * Test support: Perfetto traces decoded by protobufjs, with the parts of google/perfetto's schema that are read here (the numbers
 * are facts of protos/perfetto/trace/trace_packet.proto and track_event/*.proto).
 */
import protobuf from 'protobufjs';

const SCHEMA = `
syntax = "proto2";
message Trace { repeated TracePacket packet = 1; }
message TracePacket {
  optional uint64 timestamp = 8;
  optional uint32 trusted_packet_sequence_id = 10;
  optional TrackEvent track_event = 11;
  optional uint32 sequence_flags = 13;
  optional uint32 timestamp_clock_id = 58;
  optional TracePacketDefaults trace_packet_defaults = 59;
  optional TrackDescriptor track_descriptor = 60;
}
message TracePacketDefaults { optional TrackEventDefaults track_event_defaults = 11; optional uint32 timestamp_clock_id = 58; }
message TrackEventDefaults { optional uint64 track_uuid = 11; }
message TrackDescriptor {
  optional uint64 uuid = 1;
  optional string name = 2;
  optional ProcessDescriptor process = 3;
  optional ThreadDescriptor thread = 4;
  optional uint64 parent_uuid = 5;
  optional CounterDescriptor counter = 8;
}
message ProcessDescriptor { optional int32 pid = 1; optional string process_name = 6; }
message ThreadDescriptor { optional int32 pid = 1; optional int32 tid = 2; optional string thread_name = 5; }
message CounterDescriptor {
  enum Unit { UNIT_UNSPECIFIED = 0; UNIT_TIME_NS = 1; UNIT_COUNT = 2; UNIT_SIZE_BYTES = 3; }
  optional Unit unit = 3;
  optional int64 unit_multiplier = 4;
  optional bool is_incremental = 5;
  optional string unit_name = 6;
}
message TrackEvent {
  enum Type { TYPE_UNSPECIFIED = 0; TYPE_SLICE_BEGIN = 1; TYPE_SLICE_END = 2; TYPE_INSTANT = 3; TYPE_COUNTER = 4; }
  optional Type type = 9;
  optional uint64 name_iid = 10;
  optional uint64 track_uuid = 11;
  optional string name = 23;
  optional int64 counter_value = 30;
}`;

export interface PerfettoTrack {
  readonly uuid: string;
  readonly name?: string;
  readonly parent_uuid?: string;
  readonly process?: { readonly pid: number; readonly process_name: string };
  readonly thread?: { readonly pid: number; readonly tid: number; readonly thread_name: string };
  readonly counter?: { readonly unit: string; readonly unit_name?: string; readonly is_incremental?: boolean };
}

/** 64-bit numbers as decimal text; fields that are not there are absent. */
export interface PerfettoPacket {
  readonly timestamp?: string;
  readonly trusted_packet_sequence_id?: number;
  readonly sequence_flags?: number;
  readonly trace_packet_defaults?: {
    readonly timestamp_clock_id?: number;
    readonly track_event_defaults?: { readonly track_uuid?: string };
  };
  readonly track_descriptor?: PerfettoTrack;
  readonly track_event?: {
    readonly type: string;
    readonly name?: string;
    readonly name_iid?: string;
    readonly track_uuid?: string;
    readonly counter_value?: string;
  };
}

const type = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('Trace');

export function decodePerfetto(bytes: Uint8Array): PerfettoPacket[] {
  const trace = type.toObject(type.decode(bytes), { longs: String, enums: String }) as { packet?: PerfettoPacket[] };
  return trace.packet ?? [];
}

/** The same message as protobufjs itself writes it. */
export const encodeAgain = (bytes: Uint8Array): Uint8Array => type.encode(type.decode(bytes)).finish();
