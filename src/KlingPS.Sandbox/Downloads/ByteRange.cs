using System.Globalization;

namespace KlingPS.Sandbox.Downloads;

/// <summary>The part of a file that a request asks for. Status is 200 for the whole file, 206 for a part, 416 when the part lies outside it.</summary>
internal readonly record struct ByteRange(int Status, long Offset, long Count)
{
    private const string Unit = "bytes=";

    /// <summary>Reads a Range header. A header that is malformed or asks for several ranges is ignored, as HTTP allows.</summary>
    internal static ByteRange Parse(string? header, long length)
    {
        ByteRange whole = new(200, 0, length);
        ByteRange nothing = new(416, 0, 0);
        if (header?.StartsWith(Unit, StringComparison.OrdinalIgnoreCase) != true)
        {
            return whole;
        }

        string[] bounds = header[Unit.Length..].Split('-');
        if (bounds.Length != 2 || !TryParse(bounds[0], out long? first) || !TryParse(bounds[1], out long? last))
        {
            return whole;
        }

        switch (first, last)
        {
            case (null, null):
                return whole;
            case (null, long suffix):
                long count = Math.Min(suffix, length);
                return count == 0 ? nothing : new ByteRange(206, length - count, count);
            case (long from, long to) when to < from:
                return whole;
            case (long from, _):
                return from >= length ? nothing : new ByteRange(206, from, Math.Min(last ?? long.MaxValue, length - 1) - from + 1);
        }
    }

    private static bool TryParse(string text, out long? number)
    {
        number = null;
        text = text.Trim();
        if (text.Length == 0)
        {
            return true;
        }

        bool isNumber = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value);
        number = value;
        return isNumber;
    }
}
