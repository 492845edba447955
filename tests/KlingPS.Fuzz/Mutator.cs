using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KlingPS.Fuzz;

/// <summary>Changes examples at random: bits, numbers, pieces, and the values of JSON. The same random numbers make the same input.</summary>
/// <param name="corpus">The examples.</param>
/// <param name="isJson">Whether what is JSON stays JSON.</param>
internal sealed class Mutator(IReadOnlyList<byte[]> corpus, bool isJson = false)
{
    /// <summary>In bytes. Longer inputs say nothing new and take longer.</summary>
    private const int MaxLength = 64 * 1024;

    private static readonly long[] s_numbers =
        [0, 1, -1, 2, 7, 8, 15, 16, 127, 128, 255, 256, 1000, 4095, 4096, 32767, 32768, 65535, 65536, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, long.MaxValue, long.MinValue, long.MaxValue - 7];

    private static readonly string[] s_texts =
    [
        "", " ", "\0", "\u0001bytes", "\r\n", "\r\n\r\n", "\"", "\\", "\\ud800", "\\u0000", "\uFEFF", "\u202E", "\u001B]0;x\a", "é", "e\u0301", "😀", "%00", "%2e%2e", "../", "..\\", "/", "C:\\", "//host/", "CON", "nul.txt", ".", "..",
        "{", "}", "{{", "}}", "{BaseName}", "{Index:000}", "{Date:yyyy-MM-dd}", "{Index:D99}", "{Index:D999999999}", "{Date:%}", "[", "]", "null", "true", "NaN", "Infinity", "1e400", "-1e400", "1e-400", "0.1", "-0",
        "99999999999999999999999999999999999", "79228162514264337593543950335", "253402300800000", "-62135596800001", "9007199254740993", "https://u:p@127.0.0.1:0/", "http://169.254.169.254/latest", "http://[::1]:99999/",
        "file:///etc/passwd", "https://files.example/a.mp4", "data:,", "2026-02-30T25:61:61Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999999-14:00", "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: chunked\r\n", "7fffffffffffffff\r\n", "moov", "mdat", "ftyp", "stts", "IHDR", "eXIf", "VP8X", "data", "fmt ", "ID3", "Xing",
    ];

    private static readonly JsonDocumentOptions s_lenient = new() { MaxDepth = 64 };

    /// <summary>Makes an input.</summary>
    /// <param name="random">Decides everything.</param>
    public byte[] Next(Random random)
    {
        byte[] input = Pick(random, corpus);
        if ((isJson || random.Next(2) == 0) && ChangeJson(input, random) is byte[] changed)
        {
            input = changed;
            if (isJson || random.Next(4) != 0)
            {
                return input;
            }
        }

        for (int steps = 1 << random.Next(5); steps > 0; steps--)
        {
            input = Change(input, random);
        }

        return input.Length <= MaxLength ? input : input[..MaxLength];
    }

    private byte[] Change(byte[] input, Random random)
    {
        int at = random.Next(input.Length + 1);
        switch (random.Next(11))
        {
            case 0 when at < input.Length:
                return With(input, at, [(byte)(input[at] ^ (1 << random.Next(8)))]);
            case 1:
                return With(input, at, [(byte)random.Next(256)]);
            case 2:
                return With(input, at, Number(random));
            case 3:
                return Insert(input, at, Number(random));
            case 4:
                return Insert(input, at, Text(random));
            case 5:
                return With(input, at, Text(random));
            case 6:
                return [.. input[..at], .. input[Math.Min(input.Length, at + Length(random))..]];
            case 7:
                return Insert(input, random.Next(input.Length + 1), input[at..Math.Min(input.Length, at + Length(random))]);
            case 8:
                byte[] other = Pick(random, corpus);
                return [.. input[..at], .. other[random.Next(other.Length + 1)..]];
            case 9 when random.Next(4) == 0:
                return input[..at];
            default:
                return ReplaceDigits(input, at, random);
        }
    }

    /// <summary>Puts another number in the place of the digits that are next.</summary>
    private static byte[] ReplaceDigits(byte[] input, int at, Random random)
    {
        int first = input.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9');
        if (first < 0)
        {
            return input;
        }

        first += at;
        int length = input.AsSpan(first).IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        int end = length < 0 ? input.Length : first + length;
        return [.. input[..first], .. Encoding.ASCII.GetBytes(Pick(random, s_numbers).ToString(CultureInfo.InvariantCulture)), .. input[end..]];
    }

    private static byte[] Number(Random random)
    {
        long number = Pick(random, s_numbers) + random.Next(-1, 2);
        byte[] bytes = new byte[8];
        int size = 1 << random.Next(4);
        if (random.Next(2) == 0)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes, number);
            return bytes[^size..];
        }

        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return bytes[..size];
    }

    private static byte[] Text(Random random)
    {
        byte[] text = Encoding.UTF8.GetBytes(Pick(random, s_texts));
        int times = random.Next(20) == 0 ? random.Next(1, 2000) : 1;
        return times == 1 ? text : [.. Enumerable.Repeat(text, times).SelectMany(bytes => bytes)];
    }

    private static int Length(Random random) => 1 << random.Next(1, 12);

    private static byte[] With(byte[] input, int at, byte[] bytes)
        => [.. input[..at], .. bytes, .. input[Math.Min(input.Length, at + bytes.Length)..]];

    private static byte[] Insert(byte[] input, int at, byte[] bytes) => [.. input[..at], .. bytes, .. input[at..]];

    private static T Pick<T>(Random random, IReadOnlyList<T> from) => from[random.Next(from.Count)];

    /// <summary>Puts other values into a JSON text, which stays one. HTTP requests have theirs at the end.</summary>
    private static byte[]? ChangeJson(byte[] input, Random random)
    {
        int begin = input.AsSpan().IndexOf((byte)'{');
        if (begin < 0)
        {
            return null;
        }

        try
        {
            JsonNode root = JsonNode.Parse(input.AsSpan(begin), documentOptions: s_lenient)!;
            for (int steps = 1 << random.Next(4); steps > 0; steps--)
            {
                ChangeNode(root, random);
            }

            return [.. input[..begin], .. Encoding.UTF8.GetBytes(root.ToJsonString())];
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException or InvalidOperationException)
        {
            // It is none, or has a name twice or a broken character in it.
            return null;
        }
    }

    private static void ChangeNode(JsonNode root, Random random)
    {
        JsonNode[] holders = [.. Holders(root)];
        switch (Pick(random, holders))
        {
            case JsonObject { Count: > 0 } members:
                string name = Pick(random, [.. members.Select(member => member.Key)]);
                switch (random.Next(8))
                {
                    case 0:
                        members.Remove(name);
                        break;
                    case 1:
                        members[Pick(random, s_texts)] = Value(random, 2);
                        break;
                    case 2 when Pick(random, holders) is JsonObject { Count: > 0 } other:
                        members[Pick(random, [.. other.Select(member => member.Key)])] = members[name]?.DeepClone();
                        break;
                    case 3:
                        // As the service packs JSON into texts.
                        members[name] = members[name]?.ToJsonString();
                        break;
                    default:
                        members[name] = Value(random, 3);
                        break;
                }

                break;
            case JsonArray { Count: > 0 } items:
                items[random.Next(items.Count)] = Value(random, 2);
                break;
            case JsonArray items:
                items.Add(Value(random, 2));
                break;
        }
    }

    private static IEnumerable<JsonNode> Holders(JsonNode node) => node switch
    {
        JsonObject members => members.SelectMany(member => member.Value is null ? [] : Holders(member.Value)).Prepend(node),
        JsonArray items => items.SelectMany(item => item is null ? [] : Holders(item)).Prepend(node),
        _ => [],
    };

    private static JsonNode? Value(Random random, int depth) => random.Next(depth > 0 ? 10 : 7) switch
    {
        0 => null,
        1 => JsonValue.Create(random.Next(2) == 0),
        2 => JsonValue.Create(Pick(random, s_numbers)),
        3 => JsonNode.Parse(Pick(random, (string[])["0.5", "-1.25", "1e400", "-1e400", "1e-400", "1e28", "79228162514264337593543950336", "-0"])),
        4 => JsonValue.Create(random.Next(20) == 0 ? new string('x', random.Next(20_000)) : Pick(random, s_texts)),
        5 => JsonValue.Create(Pick(random, s_texts) + Pick(random, s_texts)),
        6 => JsonValue.Create(random.Next(-1000, 100_000)),
        7 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, depth - 1))]),
        8 => new JsonObject { [Pick(random, s_texts)] = Value(random, depth - 1), ["x"] = Value(random, depth - 1) },
        _ => JsonValue.Create(Value(random, depth - 1)?.ToJsonString()),
    };
}
