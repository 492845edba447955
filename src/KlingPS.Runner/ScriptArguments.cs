using System.Management.Automation.Runspaces;

namespace KlingPS.Runner;

/// <summary>Reads a script's arguments as <c>pwsh -File</c> does: all are text, and the script's own parameters decide what they become.</summary>
internal static class ScriptArguments
{
    /// <summary>Turns arguments of the command line into parameters for the script.</summary>
    /// <param name="arguments">What stands behind the script's path.</param>
    /// <returns>
    /// <c>-Name</c> is left for the engine to pair with what follows it, since only the script knows what is a switch;
    /// <c>-Name:value</c> and <c>-Name: value</c> are pairs, with <c>$true</c> and <c>$false</c> for switches; all else is positional.
    /// </returns>
    public static List<CommandParameter> Parse(ReadOnlySpan<string> arguments)
    {
        var parameters = new List<CommandParameter>(arguments.Length);
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            int colon = argument.IndexOf(':', StringComparison.Ordinal);
            if (!argument.StartsWith('-'))
            {
                parameters.Add(new CommandParameter(null, argument));
            }
            else if (colon < 0)
            {
                parameters.Add(new CommandParameter(argument));
            }
            else
            {
                string value = argument[(colon + 1)..];
                if (value.Length == 0 && i + 1 < arguments.Length)
                {
                    value = arguments[++i];
                }

                parameters.Add(new CommandParameter(argument[..colon], ReadValue(value)));
            }
        }

        return parameters;
    }

    private static object ReadValue(string value) => value.ToUpperInvariant() switch
    {
        "$TRUE" or "TRUE" => true,
        "$FALSE" or "FALSE" => false,
        _ => value,
    };
}
