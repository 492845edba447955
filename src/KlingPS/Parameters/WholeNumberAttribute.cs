using System.Globalization;
using System.Management.Automation;

namespace KlingPS.Parameters;

/// <summary>
/// Takes whole numbers, and text that is one in the digits of every culture: <c>5</c>, but neither <c>9.6</c>, which PowerShell would
/// round, nor <c>0x5</c>. Nothing and blank text, as an empty cell of a CSV file gives it, stand for <see cref="Blank"/>.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WholeNumberAttribute : ArgumentTransformationAttribute
{
    /// <summary>What nothing and blank text stand for; <see langword="null"/>, a parameter that is not given, unless set.</summary>
    public object? Blank { get; init; }

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? input = NumberText.Unwrap(inputData);
        return NumberText.IsBlank(input) ? Blank
            : NumberText.Read(input) is not decimal number ? throw Refuse(inputData, "is not a whole number")
            : number != decimal.Truncate(number) ? throw Refuse(inputData, "is not a whole number, and is not rounded")
            : number is >= int.MinValue and <= int.MaxValue ? (int)number
            : throw Refuse(inputData, "is out of range");
    }

    private static ArgumentTransformationMetadataException Refuse(object input, string why)
        => new($"'{Convert.ToString(input, CultureInfo.InvariantCulture)}' {why}. Write it in digits, such as 5.");
}

/// <summary>
/// Takes numbers, and text that is one as every culture writes it to machines, with a point: <c>0.5</c>, but neither <c>0,5</c>, which
/// PowerShell would take for 5, nor <c>5e-1</c>. Nothing and blank text, as an empty cell of a CSV file gives it, are a parameter that is
/// not given.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DecimalNumberAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether nothing and blank text are refused; else they are a parameter that is not given.</summary>
    public bool IsRequired { get; init; }

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? input = NumberText.Unwrap(inputData);
        return NumberText.IsBlank(input) && !IsRequired ? null
            : NumberText.Read(input) is decimal number ? number
            : throw new ArgumentTransformationMetadataException(
                $"'{Convert.ToString(inputData, CultureInfo.InvariantCulture)}' is not a number. Write it in digits with a point, such as 0.5.");
    }
}

/// <summary>Numbers as users and files write them.</summary>
internal static class NumberText
{
    /// <summary>What PowerShell has wrapped.</summary>
    public static object? Unwrap(object? input) => input is PSObject wrapped ? wrapped.BaseObject : input;

    /// <summary>Whether nothing is given.</summary>
    public static bool IsBlank(object? input) => input is null || (input is string text && string.IsNullOrWhiteSpace(text));

    /// <summary>The number; <see langword="null"/> for what is none. Whether something is true, a day or a sign is no number, though PowerShell would convert it to one.</summary>
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
