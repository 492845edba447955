using System.Globalization;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>How values are stored: moments as milliseconds since 1970 in UTC, credits as thousandths.</summary>
internal static class Stored
{
    private const decimal CreditScale = 1000;

    private static readonly DateTimeOffset s_least = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset s_most = DateTimeOffset.MaxValue - TimeSpan.FromDays(366);

    public static long FromMoment(DateTimeOffset moment) => moment.ToUnixTimeMilliseconds();

    public static long? FromMoment(DateTimeOffset? moment) => moment?.ToUnixTimeMilliseconds();

    /// <summary>A moment; one that is not a valid time becomes the nearest valid one, with some room for calculations.</summary>
    public static DateTimeOffset ToMoment(long milliseconds)
        => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(milliseconds, s_least.ToUnixTimeMilliseconds(), s_most.ToUnixTimeMilliseconds()));

    /// <summary>A number as text.</summary>
    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    public static long FromCredits(decimal credits) => (long)decimal.Round(credits * CreditScale);

    public static long? FromCredits(decimal? credits) => credits is decimal value ? FromCredits(value) : null;

    public static decimal ToCredits(long thousandths) => thousandths / CreditScale;

    public static decimal? ToCredits(long? thousandths) => thousandths / CreditScale;
}
