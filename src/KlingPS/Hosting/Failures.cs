using System.Management.Automation;

namespace KlingPS.Hosting;

/// <summary>Tells errors from the exceptions by which PowerShell itself ends or redirects a pipeline.</summary>
internal static class Failures
{
    /// <summary>Whether an exception is an error of this module's work. PowerShell's own exceptions go through untouched.</summary>
    /// <param name="exception">What was caught on the pipeline thread.</param>
    public static bool IsError(Exception exception) => exception.GetType().Assembly != typeof(PSCmdlet).Assembly;
}
