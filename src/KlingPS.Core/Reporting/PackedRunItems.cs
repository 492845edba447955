using System.Buffers;
using System.Collections;
using System.Text;

namespace KlingPS.Core.Reporting;

/// <summary>
/// What was done for the inputs of a run, in a fifth of the memory that the records take: a folder may have a hundred thousand. Each read
/// makes a new record.
/// </summary>
/// <remarks>For one thread at a time.</remarks>
internal sealed class PackedRunItems
{
    /// <summary>Small enough to stay out of the large object heap, which is seldom collected.</summary>
    private const int ChunkSize = 64 * 1024;

    private static readonly SearchValues<char> s_hexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>File names need not be valid text: a record that would not come out the same is kept as it is.</summary>
    private static readonly UTF8Encoding s_encoding = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<byte[]> _chunks = [];
    private readonly List<RunItem> _unpacked = [];
    private readonly List<string> _folders = [];
    private readonly Dictionary<string, int> _folderNumbers = new(StringComparer.Ordinal);
    private readonly byte[] _packed = new byte[ChunkSize];
    private int _used = ChunkSize;

    /// <summary>Adds a record.</summary>
    /// <returns>The number to read it by.</returns>
    public int Add(RunItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        if (Pack(item) is not int length)
        {
            _unpacked.Add(item);
            return -_unpacked.Count;
        }

        if (_used + length > ChunkSize)
        {
            _chunks.Add(new byte[ChunkSize]);
            _used = 0;
        }

        _packed.AsSpan(0, length).CopyTo(_chunks[^1].AsSpan(_used));
        int number = ((_chunks.Count - 1) * ChunkSize) + _used;
        _used += length;
        return number;
    }

    /// <summary>The record of a number.</summary>
    public RunItem Get(int number) => number < 0 ? _unpacked[-number - 1] : Unpack(number);

    /// <summary>The records of several numbers, in their order.</summary>
    public IReadOnlyList<RunItem> List(IReadOnlyList<int> numbers) => new Items(this, numbers);

    /// <returns>How many bytes the record takes; <see langword="null"/> if it is better kept as it is.</returns>
    private int? Pack(RunItem item)
    {
        if (item.ErrorId is not null || item.ErrorMessage is not null)
        {
            return null;
        }

        using var stream = new MemoryStream(_packed);
        using var writer = new BinaryWriter(stream);
        try
        {
            bool hasCredits = !IsPlainZero(item.CreditsReserved) || !IsPlainZero(item.CreditsConsumed);
            writer.Write((byte)item.What);
            writer.Write(hasCredits);
            if (hasCredits)
            {
                writer.Write(item.CreditsReserved);
                writer.Write(item.CreditsConsumed);
            }

            writer.Write(item.Id.HasValue);
            writer.Write7BitEncodedInt64(item.Id ?? 0);
            WritePath(writer, item.Path);
            WriteText(writer, item.Name);
            WriteText(writer, item.Identity);
            WriteText(writer, item.TaskId);
            WriteText(writer, item.State);
            WritePath(writer, item.File);
            WriteText(writer, item.Hash);
            return (int)stream.Position;
        }
        catch (Exception exception) when (exception is EncoderFallbackException or NotSupportedException)
        {
            // It is not valid text, or is longer than a chunk.
            return null;
        }
    }

    private RunItem Unpack(int number)
    {
        int start = number % ChunkSize;
        using var reader = new BinaryReader(new MemoryStream(_chunks[number / ChunkSize], start, ChunkSize - start, writable: false));
        var result = (RunItemResult)reader.ReadByte();
        (decimal reserved, decimal consumed) = reader.ReadBoolean() ? (reader.ReadDecimal(), reader.ReadDecimal()) : default;
        bool hasId = reader.ReadBoolean();
        long id = reader.Read7BitEncodedInt64();
        return new RunItem
        {
            What = result,
            CreditsReserved = reserved,
            CreditsConsumed = consumed,
            Id = hasId ? id : null,
            Path = ReadPath(reader),
            Name = ReadText(reader),
            Identity = ReadText(reader),
            TaskId = ReadText(reader),
            State = ReadText(reader),
            File = ReadPath(reader),
            Hash = ReadText(reader),
        };
    }

    private static bool IsPlainZero(decimal value) => value == 0 && value.Scale == 0;

    /// <summary>Writes a path. Its folder, which many paths share, is written as a number.</summary>
    private void WritePath(BinaryWriter writer, string? path)
    {
        int length = path is null ? 0 : path.LastIndexOfAny(['/', '\\']) + 1;
        string folder = path?[..length] ?? string.Empty;
        if (!_folderNumbers.TryGetValue(folder, out int number))
        {
            number = _folders.Count;
            _folders.Add(folder);
            _folderNumbers.Add(folder, number);
        }

        writer.Write7BitEncodedInt(number);
        WriteText(writer, path?[length..]);
    }

    private string? ReadPath(BinaryReader reader)
    {
        string folder = _folders[reader.Read7BitEncodedInt()];
        return ReadText(reader) is string name ? folder + name : null;
    }

    /// <summary>Writes a text. A hash or an id, which consists of hex digits only, takes half as many bytes.</summary>
    private static void WriteText(BinaryWriter writer, string? text)
    {
        if (text is null)
        {
            writer.Write7BitEncodedInt(0);
            return;
        }

        bool isHex = text.Length % 2 == 0 && !text.AsSpan().ContainsAnyExcept(s_hexDigits);
        byte[] bytes = isHex ? Convert.FromHexString(text) : s_encoding.GetBytes(text);
        writer.Write7BitEncodedInt(1 + (bytes.Length << 1) + (isHex ? 1 : 0));
        writer.Write(bytes);
    }

    private static string? ReadText(BinaryReader reader)
    {
        int head = reader.Read7BitEncodedInt() - 1;
        if (head < 0)
        {
            return null;
        }

        byte[] bytes = reader.ReadBytes(head >> 1);
        return (head & 1) == 1 ? Convert.ToHexString(bytes).ToLowerInvariant() : s_encoding.GetString(bytes);
    }

    private sealed class Items(PackedRunItems packed, IReadOnlyList<int> numbers) : IReadOnlyList<RunItem>
    {
        public int Count => numbers.Count;

        public RunItem this[int index] => packed.Get(numbers[index]);

        public IEnumerator<RunItem> GetEnumerator() => numbers.Select(packed.Get).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
