namespace KlingPS.Sandbox.State;

/// <summary>Recognizes by content what the service accepts as an image.</summary>
internal static class ImageKind
{
    /// <summary>How many of the first bytes are needed.</summary>
    internal const int HeadLength = 12;

    private static ReadOnlySpan<byte> Jpeg => [0xFF, 0xD8, 0xFF];

    private static ReadOnlySpan<byte> Png => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <returns>The media type, or null for anything that is not JPEG, PNG or WebP.</returns>
    internal static string? MediaTypeOf(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith(Jpeg))
        {
            return "image/jpeg";
        }

        if (head.StartsWith(Png))
        {
            return "image/png";
        }

        return head.Length >= HeadLength && head.StartsWith("RIFF"u8) && head[8..].StartsWith("WEBP"u8) ? "image/webp" : null;
    }
}
