using System.Text.Json;

namespace KlingPS.Core.Configuration;

/// <summary>The user's configuration file: one JSON object.</summary>
public static class ConfigurationFile
{
    /// <summary>The environment variable that names the file.</summary>
    public const string Variable = "KLINGPS_CONFIG";

    /// <summary>The file in force: the one the environment names, else the one in the user's configuration folder.</summary>
    /// <returns>The full path; the file need not exist.</returns>
    public static string Locate()
    {
        string? named = Environment.GetEnvironmentVariable(Variable);
        return string.IsNullOrWhiteSpace(named)
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "KlingPS", "config.json")
            : Path.GetFullPath(named);
    }

    /// <summary>Reads a file. One that does not exist sets nothing.</summary>
    /// <param name="path">The full path.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: it is no configuration, and where it is wrong. <see cref="ErrorKind.FileUnreadable"/>: it cannot be read.</exception>
    public static KlingConfiguration Read(string path)
    {
        byte[] content;
        try
        {
            content = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return new KlingConfiguration();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.FileUnreadable, $"The configuration file '{path}' cannot be read: {exception.Message}", exception);
        }

        KlingConfiguration? configuration;
        try
        {
            configuration = JsonSerializer.Deserialize(content, ConfigurationContext.Default.KlingConfiguration);
        }
        catch (JsonException exception)
        {
            string place = exception.LineNumber is long line ? $" in line {line + 1}" : string.Empty;
            throw new KlingException(ErrorKind.RequestInvalid, $"The configuration file '{path}' is wrong{place}: {exception.Message}", exception);
        }

        return configuration is { DailyCreditCap: not < 0 }
            ? configuration
            : throw new KlingException(ErrorKind.RequestInvalid, $"The configuration file '{path}' is wrong: it has to be a JSON object, and DailyCreditCap not less than 0.");
    }
}
