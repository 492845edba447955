namespace KlingPS.Torture;

/// <summary>One unattended run as a process of its own, which <see cref="ChildRun"/> starts and kills.</summary>
internal static class Program
{
    private const string Usage = """
        KlingPS.Torture --images <folder> --out <folder> --ledger <file> --endpoint <uri> --upload-endpoint <uri>
                        [--submit-only] [--run-id <id> --max-credits N] [--daily-cap N]
                        [--machine <name> --boot <id> --spool <folder>]   the ledger is the address of a server
                        [--clock-off <minutes>]
        """;

    private static async Task<int> Main(string[] args)
    {
        try
        {
            return await UnattendedRun.RunAsync(new Arguments(args));
        }
        catch (FormatException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            await Console.Error.WriteLineAsync(Usage);
            return 64;
        }
    }
}
