using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using KlingPS.Core.Files;
using KlingPS.Core.Resilience;

namespace KlingPS.Core.Configuration;

/// <summary>The user's configuration file: one JSON object. Never holds a secret.</summary>
internal static class ConfigurationFile
{
    /// <summary>The environment variable that names the file.</summary>
    public const string Variable = "KLINGPS_CONFIG";

    /// <summary>The name of <see cref="ConfigurationValues.Ledger"/> when a ledger was always a file. If it were no longer read, another ledger would be used, and everything bought again.</summary>
    public const string FormerLedger = "LedgerPath";

    private const string Folder = "KlingPS";
    private const string FileName = "config.json";

    /// <summary>In bytes; a longer file is not a configuration.</summary>
    private const int MaxLength = 1024 * 1024;

    /// <summary>For a file that another process has open.</summary>
    private static readonly RetryOptions s_heldFile = new() { Backoff = Backoff.Every(TimeSpan.FromMilliseconds(25)), Patience = TimeSpan.FromSeconds(10) };

    private static readonly JsonWriterOptions s_format = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Finds the file in force: the one that the environment names, else the one in the user's configuration folder.</summary>
    /// <returns>The full path; the file need not exist.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: the environment names a relative path, or nothing but blanks.</exception>
    public static string Locate() => Locate(Environment.GetEnvironmentVariable);

    /// <inheritdoc cref="Locate()"/>
    /// <param name="environment">Reads an environment variable.</param>
    internal static string Locate(Func<string, string?> environment)
    {
        if (OwnVariable.Read(Variable, environment, ErrorKind.RequestInvalid) is not string named)
        {
            return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), Folder, FileName);
        }

        // A relative path would mean a different file in every folder, and a daily limit set in one would not apply in the next.
        return Path.IsPathFullyQualified(named)
            ? Path.GetFullPath(named)
            : throw new KlingException(ErrorKind.RequestInvalid, $"The environment variable {Variable} is '{named}', which is a different file in every folder. Set it to the full path of the file.");
    }

    /// <summary>Another configuration of this user, at the usual place; see <see cref="UserHomes"/>.</summary>
    /// <param name="path">The file in force, if the environment does not name one.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="homeOf">See <see cref="UserHomes.Of"/>.</param>
    /// <returns><see langword="null"/> if there is none.</returns>
    public static string? FindOther(string path, Func<string, string?> environment, Func<string, string?> homeOf)
    {
        string[] below = OperatingSystem.IsMacOS() ? ["Library", "Application Support"] : [".config"];
        return UserHomes.FindOther(path, [.. below, Folder, FileName], environment, homeOf);
    }

    /// <summary>Reads a file. A file that does not exist sets nothing; unknown fields set nothing either, and are named.</summary>
    /// <param name="path">The full path.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: it is not a configuration; the message says which line is wrong. <see cref="ErrorKind.FileUnreadable"/>: it cannot be read.</exception>
    public static ConfigurationValues Read(string path)
    {
        List<ConfigurationField> fields = ReadFields(path);
        foreach (ConfigurationField field in fields)
        {
            Check(field, path);
        }

        Dictionary<string, JsonElement> values = fields
            .Where(field => field.Value.ValueKind != JsonValueKind.Null)
            .ToDictionary(field => field.Name, field => field.Value, StringComparer.OrdinalIgnoreCase);
        if (values.ContainsKey(FormerLedger) && values.ContainsKey(nameof(ConfigurationValues.Ledger)))
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"The configuration file '{path}' has both {nameof(ConfigurationValues.Ledger)} and {FormerLedger}, which is its former name. Delete {FormerLedger}.");
        }

        return new ConfigurationValues
        {
            SecretName = Text(nameof(ConfigurationValues.SecretName)),
            Vault = Text(nameof(ConfigurationValues.Vault)),
            Endpoint = Address(nameof(ConfigurationValues.Endpoint)),
            UploadEndpoint = Address(nameof(ConfigurationValues.UploadEndpoint)),
            Proxy = Address(nameof(ConfigurationValues.Proxy)),
            Ledger = Text(nameof(ConfigurationValues.Ledger)) ?? Text(FormerLedger),
            LedgerSecretName = Text(nameof(ConfigurationValues.LedgerSecretName)),
            DailyCreditCap = Number(nameof(ConfigurationValues.DailyCreditCap)),
            DefaultDestination = Text(nameof(ConfigurationValues.DefaultDestination)),
            LogPath = Text(nameof(ConfigurationValues.LogPath)),
            ReportPath = Text(nameof(ConfigurationValues.ReportPath)),
            PollingInterval = (double?)Number(nameof(ConfigurationValues.PollingInterval)),
            RequestTimeout = (double?)Number(nameof(ConfigurationValues.RequestTimeout)),
            UnknownNames = new(fields.Select(field => field.Name).Where(name => !ConfigurationRules.IsKnown(name))),
        };

        string? Text(string name) => values.TryGetValue(name, out JsonElement value) ? value.GetString() : null;
        Uri? Address(string name) => Text(name) is string text ? new Uri(text) : null;
        decimal? Number(string name) => values.TryGetValue(name, out JsonElement value) ? value.GetDecimal() : null;
    }

    /// <summary>Changes some fields of a file and keeps all others, whoever put them there. The file is replaced as a whole, so nobody ever reads a half-written one.</summary>
    /// <param name="path">The full path. The file and its folder are created if they are missing.</param>
    /// <param name="changes">New values (text, <see cref="decimal"/> or <see cref="double"/>), by the names of <see cref="ConfigurationValues"/>; <see langword="null"/> removes a field.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait for another process that is writing.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: a value cannot be used, or the file is wrong elsewhere. <see cref="ErrorKind.FileUnreadable"/>: it cannot be read or written. The file is as it was.</exception>
    public static async Task ChangeAsync(string path, IReadOnlyDictionary<string, object?> changes, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(changes);
        ArgumentNullException.ThrowIfNull(time);
        List<ConfigurationField> added = [.. changes.Where(change => change.Value is not null).Select(change => new ConfigurationField(change.Key, 0, ToElement(change.Value!)))];
        foreach (ConfigurationField field in added)
        {
            Check(field, path);
        }

        try
        {
            // A link stays a link: some people keep all their settings in one place.
            string file = Place.Of(path).Path;
            OwnFile.CreateFolder(Path.GetDirectoryName(file)!, FileReaders.Owner);
            FileStream mine = await LockAsync(file + ".lock", time, cancellationToken).ConfigureAwait(false);
            await using (mine.ConfigureAwait(false))
            {
                List<ConfigurationField> kept = [.. ReadFields(path).Where(field => !changes.Keys.Contains(field.Name, StringComparer.OrdinalIgnoreCase))];
                foreach (ConfigurationField field in kept)
                {
                    Check(field, path);
                }

                await ReplaceAsync(file, [.. kept, .. added], time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.FileUnreadable, $"The configuration file '{path}' cannot be written: {exception.Message}", exception);
        }
    }

    private static List<ConfigurationField> ReadFields(string path)
    {
        byte[] content;
        try
        {
            content = ReadAll(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            // The file that the link should lead to may set a limit.
            return new FileInfo(path).LinkTarget is not string target ? [] : throw new KlingException(
                ErrorKind.FileUnreadable,
                $"The configuration file '{path}' is a link to '{target}', where nothing is. Restore the file, or delete the link.",
                exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.FileUnreadable, $"The configuration file '{path}' cannot be read: {exception.Message}", exception);
        }

        ReadOnlyMemory<byte> json = content.AsMemory(content.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Wrong(path, 1, "it has to be a JSON object, such as { \"DailyCreditCap\": 500 }");
            }

            List<int> lines = FindLines(json.Span, path);
            List<ConfigurationField> fields = [.. document.RootElement.EnumerateObject().Select((property, i) => new ConfigurationField(property.Name, lines[i], property.Value.Clone()))];
            ConfigurationField? twice = fields.GroupBy(field => field.Name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(same => same.Skip(1).Any())?.Last();
            return twice is null ? fields : throw Wrong(path, twice.Line, $"{twice.Name} is there twice");
        }
        catch (JsonException exception)
        {
            throw Wrong(path, (exception.LineNumber ?? 0) + 1, json.Span.Trim(" \t\r\n"u8).IsEmpty ? "it is empty; delete the file, or begin it with { }" : "it is not JSON, or it is cut off", exception);
        }
    }

    /// <summary>Reads a whole file without blocking others: on Windows, an open file can be replaced only if its readers allow it.</summary>
    private static byte[] ReadAll(string path)
        => OrdinaryFile.ReadAllBytes(path, MaxLength, FileShare.ReadWrite | FileShare.Delete);

    /// <summary>The lines on which the fields of the outermost object begin.</summary>
    /// <exception cref="KlingException">A string cannot be read: the parser does not look inside strings.</exception>
    private static List<int> FindLines(ReadOnlySpan<byte> json, string path)
    {
        var lines = new List<int>();
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.String))
            {
                continue;
            }

            int line = json[..(int)reader.TokenStartIndex].Count((byte)'\n') + 1;
            try
            {
                _ = reader.GetString();
            }
            catch (InvalidOperationException exception)
            {
                throw Wrong(path, line, "it is not UTF-8 text; save the file as UTF-8", exception);
            }

            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1)
            {
                lines.Add(line);
            }
        }

        return lines;
    }

    private static void Check(ConfigurationField field, string path)
    {
        if (ConfigurationRules.FindProblem(field.Name, field.Value) is string problem)
        {
            throw field.Line == 0
                ? new KlingException(ErrorKind.RequestInvalid, $"{field.Name} {problem}. The configuration file is as it was.")
                : Wrong(path, field.Line, $"{field.Name} {problem}");
        }
    }

    private static KlingException Wrong(string path, long line, string problem, Exception? cause = null)
        => new(ErrorKind.RequestInvalid, $"The configuration file '{path}' is wrong in line {line}: {problem}.", cause);

    private static JsonElement ToElement(object value) => value switch
    {
        string text => JsonSerializer.SerializeToElement(text, ConfigurationContext.Default.String),
        decimal number => JsonSerializer.SerializeToElement(number, ConfigurationContext.Default.Decimal),

        // JSON has no such number; the rule for the field refuses the string.
        double number when !double.IsFinite(number) => JsonSerializer.SerializeToElement(number.ToString(CultureInfo.InvariantCulture), ConfigurationContext.Default.String),
        double number => JsonSerializer.SerializeToElement(number, ConfigurationContext.Default.Double),
        _ => throw new UnreachableException(),
    };

    private static Task<FileStream> LockAsync(string path, TimeProvider time, CancellationToken cancellationToken)
        => new RetryPolicy(s_heldFile, time).RunAsync<FileStream>(
            _ => Task.FromResult<Attempt<FileStream>>(OwnFile.TryOpenExclusive(path, FileReaders.Owner) is FileStream file
                ? file
                : new Retry(new IOException($"Another process has kept '{path}' locked."))),
            cancellationToken);

    private static async Task ReplaceAsync(string file, List<ConfigurationField> fields, TimeProvider time, CancellationToken cancellationToken)
    {
        // A name that nobody else can have used.
        string partial = TemporaryFile.NameIn(Path.GetDirectoryName(file)!);
        FileStream stream = OwnFile.Create(partial, FileReaders.Owner);
        try
        {
            using (stream)
            {
                using (var writer = new Utf8JsonWriter(stream, s_format))
                {
                    writer.WriteStartObject();
                    foreach (ConfigurationField field in fields)
                    {
                        writer.WritePropertyName(field.Name);
                        field.Value.WriteTo(writer);
                    }

                    writer.WriteEndObject();
                }

                stream.WriteByte((byte)'\n');
                stream.Flush(flushToDisk: true);
            }

            // Its user may have let others read it; but anyone who could write to it could have the key and the images sent elsewhere.
            if (!OperatingSystem.IsWindows() && File.Exists(file))
            {
                File.SetUnixFileMode(partial, File.GetUnixFileMode(file) & ~(UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
            }

            await MoveAsync(partial, file, time, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Replaces a file with another. On Windows this has to wait for programs that have it open, such as a virus scanner.</summary>
    private static async Task MoveAsync(string from, string to, TimeProvider time, CancellationToken cancellationToken)
        => await new RetryPolicy(s_heldFile, time).RunAsync(
            () =>
            {
                File.Move(from, to, overwrite: true);
                return Task.FromResult(true);
            },
            exception => OperatingSystem.IsWindows() && exception is IOException or UnauthorizedAccessException ? new Retry(exception) : null,
            cancellationToken).ConfigureAwait(false);
}
