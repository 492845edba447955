using KlingPS.Core.Files;

namespace KlingPS.Core.Clips;

/// <summary>
/// Tells from the headers what a video or audio file is and how long it lasts. Local and free: nothing is sent or decoded, and little
/// is read however large or hostile the file is.
/// </summary>
internal static class ClipInspector
{
    private const int BufferSize = 16 * 1024;

    /// <summary>Inspects a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public static Task<ClipReport> InspectAsync(string path, CancellationToken cancellationToken = default) => Task.Run(
        () =>
        {
            using FileStream stream = SourceFile.Open(path, BufferSize, FileOptions.None);
            try
            {
                return Inspect(stream, path, cancellationToken);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw SourceFile.Unreadable(path, exception);
            }
        },
        cancellationToken);

    /// <summary>Inspects the content of a stream.</summary>
    /// <param name="stream">A stream that can seek; its position afterwards is anywhere.</param>
    /// <param name="path">The file's name.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public static ClipReport Inspect(Stream stream, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var unknown = new ClipReport { Path = path, Format = ClipFormat.Unknown, Length = stream.Length };
        Span<byte> head = stackalloc byte[12];
        stream.Position = 0;
        head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        return MovieHeader.Read(stream, head, unknown, cancellationToken)
            ?? WaveHeader.Read(stream, head, unknown, cancellationToken)
            ?? Mp3Frames.Read(stream, head, unknown, cancellationToken)
            ?? unknown;
    }
}
