using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using KlingPS.Core.Files;

namespace KlingPS.Core.Reporting;

/// <summary>
/// The file of a run's report: written when the run begins, so that a run that is killed leaves a trace, and replaced when it ends, whole or
/// not at all. If it cannot be written to its path, it goes to the next best place.
/// </summary>
internal sealed partial class RunReportFile
{
    private static readonly RunReportContext s_context = new(new JsonSerializerOptions(RunReportContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private readonly RunReport _begun;
    private readonly string _path;
    private readonly Func<string?> _ledger;
    private readonly Func<string, string> _redact;
    private readonly TimeProvider _time;

    /// <summary>Whether the file at the path is not a report.</summary>
    private bool _isRefused;

    /// <summary>Creates the report. Nothing is written yet.</summary>
    /// <param name="path">The full path, with its tokens expanded.</param>
    /// <param name="begun">What is known at the beginning.</param>
    /// <param name="ledger">Returns where the ledger is: the full path of its file, or the address of its database; <see langword="null"/> if it is not known yet.</param>
    /// <param name="redact">Hides secrets.</param>
    /// <param name="time">The clock.</param>
    public RunReportFile(string path, RunReport begun, Func<string?> ledger, Func<string, string> redact, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(begun);
        _begun = begun;
        _path = path;
        _ledger = ledger;
        _redact = redact;
        _time = time;
    }

    /// <summary>Adds what becomes known about the account only during the run.</summary>
    public Func<RunReport, RunReport> AddAccount { get; init; } = static report => report;

    /// <summary>What is wrong with the path of a report, in words that follow its name; <see langword="null"/> when nothing is.</summary>
    public static string? FindProblem(string path)
        => Token().Matches(path).Select(FindProblem).FirstOrDefault(problem => problem is not null) ?? (Path.EndsInDirectorySeparator(path) ? "is that of a folder; name a file in it" : null);

    /// <summary>The path of a report: <c>{Date}</c> and <c>{RunId}</c> stand for the local time when the run began, and for its id.</summary>
    /// <param name="path">The path; <c>{Date}</c> takes a format, such as <c>{Date:yyyyMMdd}</c>.</param>
    /// <param name="runId">The id of the run.</param>
    /// <param name="begin">When it began.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: there is no such token, or no such format.</exception>
    public static string Expand(string path, string runId, DateTimeOffset begin)
        => FindProblem(path) is string problem
            ? throw new KlingException(ErrorKind.RequestInvalid, $"The path of the report {problem}.")
            : Token().Replace(path, token => IsRunId(token) ? runId : DateOf(token, begin)!);

    /// <summary>The full path of a report, with its tokens left as they are: a colon in one does not follow a drive letter.</summary>
    /// <param name="path">The path.</param>
    /// <param name="toFull">Completes a path without tokens.</param>
    public static string Complete(string path, Func<string, string> toFull)
    {
        ArgumentNullException.ThrowIfNull(toFull);
        var tokens = new List<string>();
        string masked = Token().Replace(path, token =>
        {
            tokens.Add(token.Value);
            return string.Create(CultureInfo.InvariantCulture, $"\uE000{tokens.Count - 1}\uE001");
        });
        string full = toFull(masked);
        for (int i = 0; i < tokens.Count; i++)
        {
            full = full.Replace(string.Create(CultureInfo.InvariantCulture, $"\uE000{i}\uE001"), tokens[i], StringComparison.Ordinal);
        }

        return full;
    }

    /// <summary>Refuses to replace anything but a report or an empty file: whatever else the path names has another purpose.</summary>
    /// <param name="path">The full path, with its tokens expanded.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>: something else is there.</exception>
    public static void RequireReplaceable(string path)
    {
        try
        {
            if (FileFacts.OfName(path) is null || OrdinaryFile.IsEmptyOrHolds(path, $"\"{RunReport.Form}\""))
            {
                return;
            }
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or (IOException and not NotOrdinaryFileException))
        {
            // The file cannot be read, so it cannot be written either: the attempt to write will report that.
            return;
        }
        catch (NotOrdinaryFileException)
        {
        }

        throw new KlingException(ErrorKind.FileExists, $"'{path}' is not a report, and is not replaced by one.")
        {
            Advice = "Give the report another path with -ReportPath, or with ReportPath in the configuration.",
        };
    }

    /// <summary>Writes that the run is under way.</summary>
    /// <returns>What to tell the user if it cannot be written.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>: something other than a report is there.</exception>
    public string? Begin()
    {
        _isRefused = true;
        RequireReplaceable(_path);
        _isRefused = false;
        return TryWrite(_path, _begun) is string problem
            ? $"The report cannot be written to '{_path}': {problem} The run goes on; it is tried again at the end, and then beside the ledger."
            : null;
    }

    /// <summary>Writes how the run has ended.</summary>
    /// <returns>The full path; <see langword="null"/> if it could not be written anywhere. And what to tell the user if that is not the requested path.</returns>
    public (string? Path, string? Trouble) Close(RunEnd end)
    {
        ArgumentNullException.ThrowIfNull(end);
        if (_isRefused)
        {
            return (null, null);
        }

        RunReport report = AddAccount(_begun) with
        {
            Outcome = end.Outcome.ToString(),
            ExitCode = (int)end.Outcome,
            End = _time.GetUtcNow(),
            InputComplete = end.IsInputComplete,
            Totals = RunTotals.Of(end.Items),
            Error = end.Error is null ? null : new RunError(ErrorCatalog.IdOf(end.Error.Kind), end.Error.Message),
            Items = end.Items,
        };
        string? problem = TryWrite(_path, report);
        if (problem is null)
        {
            return (_path, null);
        }

        string name = $"klingps-report-{report.RunId}.json";
        string?[] folders = [_ledger() is string ledger && Path.IsPathFullyQualified(ledger) ? Path.GetDirectoryName(ledger) : null, Path.GetTempPath()];
        foreach (string place in folders.OfType<string>().Select(folder => Path.Combine(folder, name)))
        {
            if (TryWrite(place, report) is null)
            {
                return (place, $"The report could not be written to '{_path}': {problem} It is in '{place}'.");
            }
        }

        return (null, $"The report could not be written: {problem} Get-KlingVideoTask shows what was bought.");
    }

    /// <returns>Why it cannot be written; <see langword="null"/> if it was.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever is wrong with a report, the run goes on, and its videos are still reported.")]
    private string? TryWrite(string path, RunReport report)
    {
        try
        {
            string json = LineText.Escape(_redact(JsonSerializer.Serialize(report, s_context.RunReport)));
            OwnFile.CreateFolder(Path.GetDirectoryName(path)!, FileReaders.Owner);
            OwnFile.Replace(path, Encoding.UTF8.GetBytes(json + "\n"), FileReaders.Owner);
            return null;
        }
        catch (Exception exception)
        {
            // .NET adds the name of a file that no longer exists.
            string why = exception.Message.Split(" : '")[0];
            return why.EndsWith('.') ? why : why + '.';
        }
    }

    private static bool IsRunId(Match token) => token.Groups["name"].Value.Equals("RunId", StringComparison.OrdinalIgnoreCase) && !token.Groups["format"].Success;

    private static string? FindProblem(Match token)
        => IsRunId(token) ? null
            : !token.Groups["name"].Value.Equals("Date", StringComparison.OrdinalIgnoreCase)
                ? $"has '{token.Value}' in it; the tokens are {{Date}}, with a format such as {{Date:yyyyMMdd-HHmm}}, and {{RunId}}"
            : DateOf(token, DateTimeOffset.UnixEpoch) is null
                ? $"has the date in a format that makes no name of a file: '{token.Groups["format"].Value}'; write for example {{Date:yyyyMMdd-HHmm}}"
            : null;

    /// <returns><see langword="null"/> if the format is none, or makes a text that cannot be in the name of a file.</returns>
    private static string? DateOf(Match token, DateTimeOffset begin)
    {
        try
        {
            string text = begin.ToLocalTime().ToString(token.Groups["format"] is { Success: true, Value: var format } ? format : "yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
            return text.AsSpan().ContainsAny(Path.GetInvalidFileNameChars()) || text.Contains(':', StringComparison.Ordinal) || text.Contains('\\', StringComparison.Ordinal) ? null : text;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"\{(?<name>\w+)(:(?<format>[^{}]*))?\}", RegexOptions.CultureInvariant)]
    private static partial Regex Token();
}
