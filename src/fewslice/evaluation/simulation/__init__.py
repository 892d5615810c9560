"""The whole loop on labelled data, with a simulated person: does the advice save work?"""
