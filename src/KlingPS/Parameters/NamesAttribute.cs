using System.Collections;
using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>
/// Takes names of an enumeration, also several in one text, as in <c>'Failed,Rejected'</c>: that is what a list becomes on its
/// way through <c>pwsh -File</c> or a file. PowerShell would add up their numbers and take the name that the sum happens to have.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class NamesAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether only one of the names can be given.</summary>
    public bool IsOne { get; set; }

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        object?[] names = [.. Separate(inputData)];
        return !IsOne ? inputData is null ? null : names
            : names is [not null] ? inputData
            : throw RefusedInput.Create(names is [null] or []
                ? "It is not set; give one of the names that Tab offers, or leave the parameter out."
                : $"'{string.Join(", ", names)}' are {names.Length} values, and only one can be given.");
    }

    private static IEnumerable<object?> Separate(object? input) => WrappedObject.Unwrap(input) switch
    {
        string text => text.Split(',', StringSplitOptions.TrimEntries),
        IEnumerable values => values.Cast<object?>().SelectMany(Separate),
        var value => [value],
    };
}
