.tools/temporal: tools/temporal-cli.txt tools/install-temporal-cli.sh
	@tools/install-temporal-cli.sh

.PHONY: tools
tools: .tools/temporal ## Install what the development stack needs into .tools
