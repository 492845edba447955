namespace KlingPS.Core.Saving;

/// <summary>How far a download has come.</summary>
/// <param name="BytesDone">Bytes on disk, those of earlier runs included. Falls back to 0 when a download has to start over.</param>
/// <param name="BytesTotal">Length of the video in bytes; null while unknown.</param>
public readonly record struct TransferProgress(long BytesDone, long? BytesTotal);
