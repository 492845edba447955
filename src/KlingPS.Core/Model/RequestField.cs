using System.Collections.Frozen;

namespace KlingPS.Core.Model;

/// <summary>How the value of a field is written.</summary>
internal enum FieldForm
{
    /// <summary>As a string, numbers included.</summary>
    Text,

    /// <summary>As a number.</summary>
    Number,

    /// <summary>As <see langword="true"/> or <see langword="false"/>.</summary>
    Flag,

    /// <summary>As an array of addresses.</summary>
    List,
}

/// <summary>One field of the <c>input</c> of a model's create request.</summary>
/// <param name="Name">Its name on the wire.</param>
/// <param name="Parameter">What it says; <see langword="null"/> for a switch of the model that is always off.</param>
/// <param name="Form">How its value is written.</param>
internal sealed record RequestField(string Name, VideoParameter? Parameter, FieldForm Form = FieldForm.Text)
{
    /// <summary>What comes after it in the same array, if anything.</summary>
    public VideoParameter? Follower { get; init; }

    /// <summary>Whether it is sent even if nothing is asked for, with the default of the row: always if the price depends on it, so that no default of the service is billed unseen.</summary>
    public bool IsAlwaysSent { get; init; }

    /// <summary>How the wire spells values, if not as this module does.</summary>
    public IReadOnlyDictionary<string, string> Words { get; init; } = FrozenDictionary<string, string>.Empty;

    /// <summary>Whether it carries a parameter.</summary>
    public bool Says(VideoParameter parameter) => Parameter == parameter || Follower == parameter;

    /// <summary>How the wire spells a value.</summary>
    public string? Spell(string? value) => value is null ? null : Words.GetValueOrDefault(value, value);

    /// <summary>What a value on the wire is called here.</summary>
    public string? Read(string? text)
    {
        foreach ((string value, string word) in Words)
        {
            if (string.Equals(word, text, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return text;
    }
}
