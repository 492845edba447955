using System.Collections;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Knows texts that say nothing, such as an empty cell of a CSV file or a variable that was never set.</summary>
internal static class BlankText
{
    /// <summary>Whether there is no text, or only blanks.</summary>
    public static bool IsAll(string[]? texts) => (texts ?? []).All(string.IsNullOrWhiteSpace);

    /// <summary>Whether a value says nothing: no text, only blanks, the NULL of a database, or a list with nothing else in it.</summary>
    public static bool IsNothing(object? value) => WrappedObject.Unwrap(value) is var given
        && (NumberText.IsBlank(given) || (given is IList list && list.Cast<object?>().All(item => NumberText.IsBlank(WrappedObject.Unwrap(item)))));
}
