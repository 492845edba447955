namespace KlingPS.Core.Imaging;

/// <summary>A file that the service would refuse, found before anything was sent.</summary>
public sealed class ImageUnsupportedException : KlingException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="report">What is wrong with the file.</param>
    public ImageUnsupportedException(ImageReport report)
        : base(ErrorKind.ImageUnsupported, Describe(report))
    {
        Report = report;
    }

    /// <summary>What is wrong with the file.</summary>
    public ImageReport Report { get; }

    private static string Describe(ImageReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return $"The service does not take '{report.Path}'. {string.Join(' ', report.Problems)}";
    }
}
