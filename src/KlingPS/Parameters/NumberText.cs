using System.Collections;
using System.Globalization;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Numbers as users and files write them.</summary>
internal static class NumberText
{
    /// <summary>Whether nothing is given.</summary>
    public static bool IsBlank(object? input) => input is null or DBNull || (input is string text && string.IsNullOrWhiteSpace(text));

    /// <summary>What is given, as an error repeats it.</summary>
    public static string Show(object? input) => WrappedObject.Unwrap(input) switch
    {
        ICollection { Count: not 1 } values => $"A list of {values.Count} values",
        ICollection values => Show(values.Cast<object?>().Single()),
        var value => $"'{Convert.ToString(value, CultureInfo.InvariantCulture)}'",
    };

    /// <summary>The number; <see langword="null"/> if it is not one. A Boolean, a day or a character is not a number, though PowerShell would convert it to one.</summary>
    public static decimal? Read(object? input) => input switch
    {
        string text => decimal.TryParse(text.Trim(), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number) ? number : null,
        double or float => Convert.ToDouble(input, CultureInfo.InvariantCulture) is var real && Math.Abs(real) < (double)decimal.MaxValue ? (decimal)real : null,
        Enum => null,
        decimal or long or int or short or sbyte or ulong or uint or ushort or byte => Convert.ToDecimal(input, CultureInfo.InvariantCulture),
        System.Numerics.BigInteger integer => integer >= long.MinValue && integer <= long.MaxValue ? (decimal)integer : null,
        _ => null,
    };
}
