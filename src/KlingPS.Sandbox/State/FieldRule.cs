namespace KlingPS.Sandbox.State;

/// <summary>What kind of value a field of a request holds.</summary>
internal enum FieldType
{
    /// <summary>A string of any content.</summary>
    Text,

    /// <summary>One of several strings.</summary>
    Option,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A number.</summary>
    Number,

    /// <summary>True or false.</summary>
    Flag,

    /// <summary>The address of a file.</summary>
    Address,

    /// <summary>An array of addresses.</summary>
    Addresses,

    /// <summary>An array of shots, each with a prompt and a duration.</summary>
    Shots,

    /// <summary>An array of objects; only their number matters here.</summary>
    Items,
}

/// <summary>What an address has to lead to.</summary>
internal enum FileKind
{
    /// <summary>An image.</summary>
    Image,

    /// <summary>A video.</summary>
    Video,

    /// <summary>An audio file.</summary>
    Audio,
}

/// <summary>One field of the input of a model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What it holds.</param>
internal sealed record FieldRule(string Name, FieldType Type)
{
    internal bool IsRequired { get; init; }

    /// <summary>Whether an empty text counts as none instead of being refused.</summary>
    internal bool MayBeEmpty { get; init; }

    /// <summary>The greatest length of a text, or of the prompt of a shot, in characters.</summary>
    internal int MaxLength { get; init; } = int.MaxValue;

    internal IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>The lowest number, or the lowest number of items.</summary>
    internal decimal Least { get; init; }

    /// <summary>The highest number, or the highest number of items.</summary>
    internal decimal Most { get; init; } = decimal.MaxValue;

    /// <summary>What the service fills in: a string, a number or a flag; null if it fills in nothing.</summary>
    internal object? Default { get; init; }

    /// <summary>What an address leads to.</summary>
    internal FileKind Kind { get; init; }
}
