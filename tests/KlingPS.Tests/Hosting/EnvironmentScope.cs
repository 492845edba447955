namespace KlingPS.Tests.Hosting;

/// <summary>Clears the environment variables that the module reads, but for the tests' own ledger, and restores them at the end.</summary>
internal sealed class EnvironmentScope : IDisposable
{
    /// <summary>Those that keep the tests to files of their own stay.</summary>
    private static readonly string[] s_files = ["KLINGPS_LEDGER", "KLINGPS_CONFIG"];

    private static readonly string[] s_names = ["KIE_API_KEY", "KIE_API_KEY_FILE", "KLINGPS_ENDPOINT", "KLINGPS_UPLOAD_ENDPOINT", .. s_files];

    private readonly Dictionary<string, string?> _before = s_names.ToDictionary(name => name, Environment.GetEnvironmentVariable);

    public EnvironmentScope()
    {
        foreach (string name in s_names.Except(s_files))
        {
            Environment.SetEnvironmentVariable(name, null);
        }
    }

    public void Dispose()
    {
        foreach ((string name, string? value) in _before)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }
}
