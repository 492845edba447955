using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using KlingPS.Core.Network;
using KlingPS.Core.Reporting;
using KlingPS.Core.Secrets;

namespace KlingPS.Hosting;

/// <summary>What is known about a run when it begins, for its report.</summary>
internal static class RunFacts
{
    private const string Hidden = "(hidden)";

    /// <summary>The version of PowerShell.</summary>
    public static string ShellVersion { get; } = typeof(PSObject).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+', ' ')[0] ?? string.Empty;

    /// <summary>Begins a report.</summary>
    /// <param name="runId">Which run it is.</param>
    /// <param name="invocation">The command and its parameters; what comes through the pipeline is not bound yet.</param>
    /// <param name="now">The time.</param>
    public static RunReport Begin(string runId, InvocationInfo invocation, DateTimeOffset now) => new()
    {
        RunId = runId,
        Command = invocation.MyCommand.Name,
        Begin = now,
        Versions = new RunVersions(
            typeof(RunFacts).Assembly.GetName().Version!.ToString(3),
            ShellVersion,
            Environment.Version.ToString()),
        Machine = new RunMachine(Environment.MachineName, RuntimeInformation.OSDescription, RuntimeInformation.ProcessArchitecture.ToString(), Environment.ProcessId),
        Parameters = invocation.BoundParameters.ToDictionary(parameter => parameter.Key, parameter => ToJson(parameter.Value)),
    };

    private static JsonElement ToJson(object? value) => WrappedObject.Unwrap(value) switch
    {
        SwitchParameter given => JsonSerializer.SerializeToElement(given.IsPresent, RunReportContext.Default.Boolean),
        bool given => JsonSerializer.SerializeToElement(given, RunReportContext.Default.Boolean),
        int or long or decimal => JsonSerializer.SerializeToElement(Convert.ToDecimal(value, CultureInfo.InvariantCulture), RunReportContext.Default.Decimal),
        double number when Math.Abs(number) < (double)decimal.MaxValue => JsonSerializer.SerializeToElement((decimal)number, RunReportContext.Default.Decimal),
        string text => JsonSerializer.SerializeToElement(Show(text), RunReportContext.Default.String),
        IEnumerable list => JsonSerializer.SerializeToElement([.. list.Cast<object?>().Select(item => Show(Convert.ToString(item, CultureInfo.InvariantCulture) ?? string.Empty))], RunReportContext.Default.StringArray),
        var other => JsonSerializer.SerializeToElement(Show(Convert.ToString(other, CultureInfo.InvariantCulture) ?? string.Empty), RunReportContext.Default.String),
    };

    /// <summary>A text without anything that is recognizable as a secret. The query of an address may hold a signature or a key, and its host a password, which may be what makes it no address.</summary>
    private static string Show(string text)
        => SecretForms.IsKey(text) ? Hidden
            : !text.Contains("://", StringComparison.Ordinal) ? text
            : !Uri.TryCreate(text.Trim(), UriKind.Absolute, out Uri? uri) ? text.Any(char.IsWhiteSpace) ? text : AddressPolicy.MaskUser(text)
            : uri.IsFile ? text
            : uri.GetComponents(UriComponents.Scheme | UriComponents.Host | UriComponents.Port | UriComponents.Path, UriFormat.UriEscaped) + (uri.Query.Length > 1 || uri.Fragment.Length > 1 ? "?…" : string.Empty);
}
