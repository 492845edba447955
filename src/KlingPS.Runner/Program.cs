namespace KlingPS.Runner;

/// <summary>The entry point: one script and its arguments, run in the PowerShell engine.</summary>
internal static class Program
{
    /// <summary>How sysexits.h, and pwsh, name a command line that makes no sense.</summary>
    private const int UsageError = 64;

    private const string Usage = """
        Runs a PowerShell script with the KlingPS of this repository, where no pwsh is installed.

          dotnet run --project src/KlingPS.Runner -- <script.ps1> [-Name value] [-Switch] [-Name:value] [value]

        The script has the engine's own cmdlets (Import-Module, Where-Object, ForEach-Object, Out-Default, ...) and
        those of KlingPS; Get-ChildItem, Write-Host, Format-Table and the rest of a shell's cmdlets come with pwsh.
        The exit code is the script's; 1 after a terminating error, 130 after Ctrl+C, 64 when there is no such script.
        """;

    private static int Main(string[] args)
    {
        if (args is ["-h" or "-?" or "--help"])
        {
            Console.Out.WriteLine(Usage);
            return 0;
        }

        if (args.Length == 0)
        {
            Console.Error.WriteLine(Usage);
            return UsageError;
        }

        string script = Path.GetFullPath(args[0]);
        if (!File.Exists(script))
        {
            Console.Error.WriteLine($"No script is at '{script}'. Give the path of a .ps1 file; --help shows how.");
            return UsageError;
        }

        MakeStagedModuleFindable();
        using var run = new ScriptRun(script, ScriptArguments.Parse(args.AsSpan(1)));

        // The first Ctrl+C lets the script's finally blocks run, the second one does not wait for them.
        Console.CancelKeyPress += (_, e) => e.Cancel = run.TryStop();
        return run.Invoke();
    }

    /// <summary>Puts the repository's <c>out</c> first on the module path, so that <c>Import-Module KlingPS</c> finds the staged module.</summary>
    private static void MakeStagedModuleFindable()
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "KlingPS.psd1")))
        {
            root = Path.GetDirectoryName(root);
        }

        if (root is not null)
        {
            string? others = Environment.GetEnvironmentVariable("PSModulePath");
            string path = Path.Combine(root, "out");
            Environment.SetEnvironmentVariable("PSModulePath", string.IsNullOrEmpty(others) ? path : path + Path.PathSeparator + others);
        }
    }
}
